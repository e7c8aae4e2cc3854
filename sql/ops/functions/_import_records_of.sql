create or replace function syncwell._import_records_of(
  p_org_id uuid,
  p_user_id uuid,
  p_kind text,
  p_rows jsonb[],
  p_now timestamptz,
  out imported bigint,
  out duplicates bigint,
  out updated bigint,
  out rejections jsonb[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_good syncwell.ingest_row[];
  v_received timestamptz[];
  v_records syncwell.session_records[];
  v_inserted uuid[];
begin
  select i.good, i.received_at, i.rejections
  into v_good, v_received, rejections
  from syncwell._import_rows(p_org_id, p_kind, p_rows, p_now) as i;
  with named as materialized (
    select s.session, s.session_id
    from syncwell._sessions_of(
      p_org_id, p_user_id, array(select distinct g.session from unnest(v_good) as g), true, null
    ) as s
  ),
  given as (
    select
      g.*, n.session_id, least(g.client_at, g.received_at) as written_at,
      syncwell._record_id(n.session_id, p_kind, g.occurred_at) as id
    from unnest(v_received, v_good) as g (
      received_at, place, rejected, external_id, occurred_at, client_at, data_source, platform, session, spo2,
      heart_rate, payload, local_id
    )
    join named as n on n.session = g.session
  )
  select array_agg(d.record)
  into v_records
  from (
    -- of several of a time the one written last
    select distinct on (g.id)
      row(
        p_org_id, g.id, g.session_id, p_user_id, p_kind, g.occurred_at, g.data_source, g.spo2, g.heart_rate, g.payload,
        g.local_id, g.written_at, null, null, g.received_at
      )::syncwell.session_records as record
    from given as g
    order by g.id, g.written_at desc, g.received_at desc
  ) as d;

  with stored as (
    insert into syncwell.session_records
    select r.* from unnest(v_records) as r
    on conflict (org_id, id) do nothing
    returning id
  )
  select array_agg(s.id) into v_inserted from stored as s;
  update syncwell.session_records as s
  set
    data_source = r.data_source,
    spo2 = r.spo2,
    heart_rate = r.heart_rate,
    payload = r.payload,
    local_id = r.local_id,
    written_at = r.written_at,
    received_at = greatest(s.received_at, r.received_at)
  from unnest(v_records) as r
  where s.org_id = p_org_id
    and s.id = r.id
    and r.written_at > s.written_at
    and r.id <> all(coalesce(v_inserted, array[]::uuid[]));
  get diagnostics updated = row_count;
  imported := coalesce(cardinality(v_inserted), 0);
  duplicates := coalesce(cardinality(v_good), 0) - imported - updated;
  perform syncwell._count_imported(p_org_id, p_kind, v_records, coalesce(v_inserted, array[]::uuid[]));
end
$$;
comment on function syncwell._import_records_of(uuid, uuid, text, jsonb[], timestamptz) is
'The part of _import_records() for one user and kind: set by set, without waiting for what is counted.';
revoke all on function syncwell._import_records_of(uuid, uuid, text, jsonb[], timestamptz) from public;
