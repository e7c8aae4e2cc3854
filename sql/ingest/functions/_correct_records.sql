create or replace function syncwell._correct_records(
  p_org_id uuid,
  p_user_id uuid,
  p_session_id uuid,
  p_kind text,
  p_records syncwell.ingest_record[],
  p_now timestamptz
)
returns uuid[]
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- planned for these records: few are found by the index, many not
set plan_cache_mode = force_custom_plan
as $$
declare
  v_updated uuid[];
begin
  with decided as materialized (
    select r.record, r.client_at, syncwell._record_outcome(r.record, r.client_at, s, p_now) as outcome
    from unnest(p_records) as r
    join syncwell.session_records as s
      on s.org_id = p_org_id
      and s.id = (r.record).id
      and s.user_id = p_user_id
      and s.session_id = p_session_id
      and s.kind = p_kind
  ),
  taken as (
    update syncwell.session_records as s
    set
      data_source = (d.record).data_source,
      spo2 = (d.record).spo2,
      heart_rate = (d.record).heart_rate,
      payload = (d.record).payload,
      local_id = (d.record).local_id,
      written_at = (d.record).written_at,
      ahead_at = coalesce((d.record).ahead_at, s.ahead_at),
      settled = syncwell._settled(
        s.settled,
        array[
          case when s.written_at = s.received_at then syncwell._version_id(
            syncwell._record_hash(s.data_source, s.spo2, s.heart_rate, s.payload, s.local_id), s.ahead_at
          ) end,
          case when s.written_at = (d.record).written_at then syncwell._version_id(
            syncwell._record_hash(s.data_source, s.spo2, s.heart_rate, s.payload, s.local_id), s.written_at
          ) end
        ]
      ),
      received_at = p_now
    from decided as d
    where d.outcome in ('newer', 'again')
      and s.org_id = p_org_id
      and s.id = (d.record).id
      and s.user_id = p_user_id
      and s.session_id = p_session_id
      and s.kind = p_kind
    returning s.id
  ),
  remembered as (
    update syncwell.session_records as s
    set settled = syncwell._settled(s.settled, array[syncwell._record_version(d.record, d.client_at)])
    from decided as d
    where d.outcome = 'late'
      and s.org_id = p_org_id
      and s.id = (d.record).id
      and s.user_id = p_user_id
      and s.session_id = p_session_id
      and s.kind = p_kind
  )
  select array(select t.id from taken as t) into v_updated;
  return v_updated;
end
$$;
comment on function syncwell._correct_records(uuid, uuid, uuid, text, syncwell.ingest_record[], timestamptz) is
'What arrives at p_now for records of a kind in a session that are stored and locked: the newer ones take their place; '
'returns their ids. What only must be remembered is. p_records: each another one.';
revoke all on function syncwell._correct_records(
  uuid, uuid, uuid, text, syncwell.ingest_record[], timestamptz
) from public;
