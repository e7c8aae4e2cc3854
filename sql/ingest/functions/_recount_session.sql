create or replace function syncwell._recount_session(
  p_org_id uuid,
  p_session_id uuid,
  p_kinds text[],
  p_known syncwell.session_counts[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_from uuid;
  v_to uuid;
begin
  delete from syncwell.session_counts as c
  where c.org_id = p_org_id and c.session_id = p_session_id and (p_kinds is null or c.kind = any(p_kinds));
  -- nobody looks into the partitions of other times
  select
    syncwell._uuid7_floor(min(k.first_at)), syncwell._uuid7_floor(max(k.last_at) + interval '1 millisecond')
  into v_from, v_to
  from unnest(p_known) as k;

  insert into syncwell.session_counts (
    org_id, session_id, kind, user_id, records, mock_records, late_records, first_at, last_at, first_received_at,
    last_received_at, spo2_count, spo2_sum, spo2_min, spo2_max, heart_rate_count, heart_rate_sum, heart_rate_min,
    heart_rate_max, has_session
  )
  select
    p_org_id, p_session_id, r.kind, r.user_id, r.records, r.mock_records, least(r.records, coalesce(k.late_records, 0)),
    r.first_at, r.last_at, least(r.first_received_at, k.first_received_at),
    greatest(r.last_received_at, k.last_received_at), r.spo2_count, r.spo2_sum, r.spo2_min, r.spo2_max,
    r.heart_rate_count, r.heart_rate_sum, r.heart_rate_min, r.heart_rate_max,
    exists (select from syncwell.sync_sessions as s where s.org_id = p_org_id and s.session_id = p_session_id)
  from (
    select
      x.kind, x.user_id,
      count(*) as records,
      count(*) filter (where x.data_source = 'mock') as mock_records,
      min(x.occurred_at) as first_at,
      max(x.occurred_at) as last_at,
      min(x.received_at) as first_received_at,
      max(x.received_at) as last_received_at,
      count(x.spo2) filter (where x.is_real) as spo2_count,
      coalesce(sum(x.spo2::numeric) filter (where x.is_real), 0) as spo2_sum,
      min(x.spo2) filter (where x.is_real) as spo2_min,
      max(x.spo2) filter (where x.is_real) as spo2_max,
      count(x.heart_rate) filter (where x.is_real) as heart_rate_count,
      coalesce(sum(x.heart_rate::numeric) filter (where x.is_real), 0) as heart_rate_sum,
      min(x.heart_rate) filter (where x.is_real) as heart_rate_min,
      max(x.heart_rate) filter (where x.is_real) as heart_rate_max
    from (
      select s.*, s.data_source is distinct from 'mock' as is_real
      from syncwell.session_records as s
      where s.org_id = p_org_id
        and s.session_id = p_session_id
        and (p_kinds is null or s.kind = any(p_kinds))
        and s.id >= v_from
        and s.id < v_to
    ) as x
    group by x.kind, x.user_id
  ) as r
  left join (
    select
      c.kind, sum(c.late_records)::bigint as late_records, min(c.first_received_at) as first_received_at,
      max(c.last_received_at) as last_received_at
    from unnest(p_known) as c
    group by c.kind
  ) as k on k.kind = r.kind;
end
$$;
comment on function syncwell._recount_session(uuid, uuid, text[], syncwell.session_counts[]) is
'Counts anew what a session holds, of p_kinds (NULL: all). p_known: counts that together held its records before; what '
'records do not tell, when they first arrived and whether they were late, is taken from them.';
revoke all on function syncwell._recount_session(uuid, uuid, text[], syncwell.session_counts[]) from public;
