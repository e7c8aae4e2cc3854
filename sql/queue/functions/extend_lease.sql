create or replace function syncwell.extend_lease(
  p_operation_ids uuid[],
  p_lease_token uuid,
  p_lease interval default '1 minute'
)
returns table (
  operation_id uuid,
  lease_until timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- few rows by their keys, whatever the arguments are, and however small the table is when they are planned: planned
-- once a session, they must do when it has grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_now constant timestamptz := syncwell._now();
  v_held tid[];
begin
  perform syncwell._check_operation_ids(p_operation_ids, p_lease_token);
  perform syncwell._check_duration('p_lease', coalesce(p_lease, '0'), '1 second', '1 day');
  v_held := syncwell._lock_operations(v_org_id, p_operation_ids, p_lease_token);
  return query
  with extended as (
    update syncwell.sync_queue as q
    set run_at = greatest(q.run_at, v_now + p_lease)
    where q.ctid = any(v_held)
    returning q.id, q.run_at
  )
  select e.id, e.run_at from extended as e order by e.id;
end
$$;
comment on function syncwell.extend_lease(uuid[], uuid, interval) is
'Holds the claimed operations p_operation_ids (at most 1000) for p_lease from now (1 s to 1 day; default 1 minute), '
'never shorter than before. Returns a row for each that p_lease_token still holds: stop working on those that are '
'missing. Errors: SW001, 22004, 22023.';
revoke all on function syncwell.extend_lease(uuid[], uuid, interval) from public;
grant execute on function syncwell.extend_lease(uuid[], uuid, interval) to syncwell_worker;
