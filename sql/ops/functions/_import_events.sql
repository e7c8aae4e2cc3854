create or replace function syncwell._import_events(
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
  c_source constant text := '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$';
  v_group record;
  v_read record;
  v_done record;
  v_stream_id uuid;
begin
  imported := 0;
  duplicates := 0;
  updated := 0;
  rejections := array(
    select jsonb_build_object('key', r -> 'key', 'reason', 'bad_source: source must name one')
    from unnest(p_rows) as r
    where coalesce(r ->> 'source', '') !~ c_source
  );
  perform syncwell._lock_sessions(u.org_id, u.user_id, false)
  from (
    select distinct (r ->> 'org_id')::uuid as org_id, (r ->> 'user_id')::uuid as user_id
    from unnest(p_rows) as r
    where r ->> 'user_id' is not null
    order by 1, 2
  ) as u;
  for v_group in
    select
      (r ->> 'org_id')::uuid as org_id, (r ->> 'user_id')::uuid as user_id, r ->> 'source' as source,
      array_agg(r) as rows
    from unnest(p_rows) as r
    where r ->> 'source' ~ c_source
    group by 1, 2, 3
    order by 1, 2, 3
  loop
    v_read := syncwell._import_rows(v_group.org_id, 'event', v_group.rows, p_now);
    rejections := rejections || v_read.rejections;
    v_stream_id := syncwell._ensure_stream(v_group.org_id, v_group.user_id, v_group.source, null);
    v_done := syncwell._store_events(
      v_group.org_id, v_group.user_id, v_stream_id, v_group.source, null, v_read.good, p_now
    );
    imported := imported + v_done.inserted;
    duplicates := duplicates + v_done.duplicates;
    updated := updated + v_done.updated;
    -- they arrived with the host, not now: how late they usually are is learned from this
    with looked_up as materialized (
      select k.place, a.received_at
      from (
        select g.external_id, max(g.received_at) as received_at
        from unnest(v_read.received_at, v_read.good) as g (
          received_at, place, rejected, external_id, occurred_at, client_at, data_source, platform, session, spo2,
          heart_rate, payload, local_id
        )
        group by g.external_id
      ) as a
      -- looked up one by one: an import is no time at which anybody knows how many there are
      cross join lateral (
        select d.ctid as place
        from syncwell.data_event_keys as d
        where d.org_id = v_group.org_id
          and (d.user_id = v_group.user_id or (v_group.user_id is null and d.user_id is null))
          and d.source = v_group.source
          and d.external_id = a.external_id
          and d.received_at = p_now
        offset 0
      ) as k
    ),
    arrived as (
      -- rows that this transaction has made stay where they are
      update syncwell.data_event_keys as k
      set received_at = l.received_at
      from looked_up as l
      where k.ctid = l.place
      returning k.id, k.occurred_at, k.received_at
    )
    update syncwell.data_events as e
    set received_at = a.received_at
    from arrived as a
    where e.org_id = v_group.org_id and e.id = a.id and e.occurred_at = a.occurred_at;
  end loop;
end
$$;
comment on function syncwell._import_events(jsonb[], timestamptz) is 'The events of import_existing().';
revoke all on function syncwell._import_events(jsonb[], timestamptz) from public;
