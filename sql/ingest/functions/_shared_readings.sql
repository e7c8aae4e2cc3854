create or replace function syncwell._shared_readings(
  p_org_id uuid,
  p_session_id uuid,
  p_other_id uuid,
  p_from timestamptz,
  p_to timestamptz,
  out compared bigint,
  out equal bigint
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- bounds that are known leave out the partitions of other times
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
declare
  v_from constant uuid := syncwell._uuid7_floor(p_from);
  v_to constant uuid := syncwell._uuid7_floor(p_to + interval '1 millisecond');
begin
  if p_session_id is null or p_from > p_to then
    compared := case when p_session_id is not null then 0 end;
    return;
  end if;
  select
    count(*),
    count(*) filter (
      where o.id is not null
        and o.spo2 is not distinct from r.spo2
        and o.heart_rate is not distinct from r.heart_rate
        and o.payload is not distinct from r.payload
    )
  into compared, equal
  from (
    select x.occurred_at, x.spo2, x.heart_rate, x.payload
    from syncwell.session_records as x
    where x.org_id = p_org_id
      and x.session_id = p_session_id
      and x.kind = 'reading'
      and x.id >= v_from
      and x.id < v_to
    order by x.id
    limit 100
  ) as r
  -- one probe each, whatever the planner thinks of the table: joined, all of the org's of that time are read
  left join lateral (
    select y.id, y.spo2, y.heart_rate, y.payload
    from syncwell.session_records as y
    where y.org_id = p_org_id
      and y.id = syncwell._record_id(p_other_id, 'reading', r.occurred_at)
      and y.id >= v_from
      and y.id < v_to
    offset 0
  ) as o on true;
end
$$;
comment on function syncwell._shared_readings(uuid, uuid, uuid, timestamptz, timestamptz) is
'How many readings of a session from p_from to p_to, the first hundred, have been compared with those of another at '
'the same times, and how many are equal. NULL for NULL.';
revoke all on function syncwell._shared_readings(uuid, uuid, uuid, timestamptz, timestamptz) from public;
