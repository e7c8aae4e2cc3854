create or replace function syncwell._release_waiting(
  p_org_id uuid,
  p_operation_ids uuid[],
  p_done boolean
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  v_waiting tid[];
begin
  v_waiting := syncwell._lock_operations(
    p_org_id,
    array(
      select d.waiting_id
      from syncwell.queue_dependencies as d
      where d.org_id = p_org_id and d.blocker_id = any(p_operation_ids) and (p_done or not d.needs_success)
    )
  );
  with freed as (
    delete from syncwell.queue_dependencies as d
    where d.org_id = p_org_id and d.blocker_id = any(p_operation_ids) and (p_done or not d.needs_success)
    returning d.waiting_id
  ),
  counted as (
    select f.waiting_id, count(*) as blockers from freed as f group by f.waiting_id
  )
  update syncwell.sync_queue as q
  set blockers = q.blockers - c.blockers
  from counted as c
  where q.ctid = any(v_waiting) and q.id = c.waiting_id;
end
$$;
comment on function syncwell._release_waiting(uuid, uuid[], boolean) is
'Lets go what waits for operations that have ended; p_done false: they were not done, so that only what waits for '
'them to be out of the way goes on. The callers have locked these operations, so that nobody comes to wait any more.';
revoke all on function syncwell._release_waiting(uuid, uuid[], boolean) from public;
