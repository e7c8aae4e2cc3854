create or replace function syncwell._bury_operation(
  p_operation syncwell.sync_queue,
  p_reason text
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  update syncwell.sync_queue as q
  set status = 'dead', dead_reason = p_reason, lease_token = null, lease_owner = null
  where q.org_id = p_operation.org_id and q.id = p_operation.id;
  if p_operation.is_waited_for then
    perform syncwell._release_waiting(p_operation.org_id, array[p_operation.id], false);
  end if;
end
$$;
comment on function syncwell._bury_operation(syncwell.sync_queue, text) is
'Makes a locked operation dead for p_reason (a dead_reason). What needs it done goes on waiting, until it is requeued '
'and done.';
revoke all on function syncwell._bury_operation(syncwell.sync_queue, text) from public;
