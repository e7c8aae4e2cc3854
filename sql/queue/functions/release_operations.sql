create or replace function syncwell.release_operations(
  p_operation_ids uuid[],
  p_lease_token uuid
)
returns integer
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
  v_released integer;
begin
  perform syncwell._check_operation_ids(p_operation_ids, p_lease_token);
  perform syncwell._lock_twins(
    v_org_id,
    array(
      select h.dedup_hash
      from unnest(p_operation_ids) as i (id)
      cross join lateral (
        select q.dedup_hash
        from syncwell.sync_queue as q
        where q.org_id = v_org_id and q.id = i.id and q.lease_token = p_lease_token
        limit 1
      ) as h
    )
  );
  v_held := syncwell._lock_operations(v_org_id, p_operation_ids, p_lease_token);
  select count(syncwell._put_back(q, v_now, greatest(q.attempts - 1, 0)))
  into v_released
  from syncwell.sync_queue as q
  where q.ctid = any(v_held);
  return v_released;
end
$$;
comment on function syncwell.release_operations(uuid[], uuid) is
'Gives the claimed operations p_operation_ids (at most 1000) back untouched, as a worker does that is told to stop: '
'somebody else may claim them at once, and the attempt does not count. Returns how many p_lease_token still held. '
'Errors: SW001, 22004, 22023, 40001.';
revoke all on function syncwell.release_operations(uuid[], uuid) from public;
grant execute on function syncwell.release_operations(uuid[], uuid) to syncwell_worker;
