create or replace function syncwell._leased_operation(
  p_org_id uuid,
  p_operation_id uuid,
  p_lease_token uuid
)
returns syncwell.sync_queue
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_operation syncwell.sync_queue;
begin
  perform syncwell._lock_twins(
    p_org_id, array(select q.dedup_hash from syncwell.sync_queue as q where q.org_id = p_org_id and q.id = p_operation_id)
  );
  select q.* into v_operation
  from syncwell.sync_queue as q
  where q.org_id = p_org_id and q.id = p_operation_id
  for update;
  if not found or not syncwell._may_handle_operation(v_operation.user_id) then
    raise exception using
      errcode = 'SW401',
      message = 'unknown operation',
      detail = format('There is no operation %s that this caller may end.', p_operation_id),
      hint = 'It may have been completed: get_operations() shows what is left.';
  end if;
  if v_operation.lease_token is distinct from p_lease_token then
    raise exception using
      errcode = 'SW402',
      message = 'the lease is lost',
      detail = format('Operation %s is not held by this lease any more.', p_operation_id),
      hint = 'Stop working on it: it was handed out again when its lease ended. Ask for longer leases or extend them.';
  end if;
  return v_operation;
end
$$;
comment on function syncwell._leased_operation(uuid, uuid, uuid) is
'The operation, locked, if the lease holds it. Errors: SW401, SW402.';
revoke all on function syncwell._leased_operation(uuid, uuid, uuid) from public;
