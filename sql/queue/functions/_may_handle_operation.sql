create or replace function syncwell._may_handle_operation(p_user_id uuid)
returns boolean
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id constant uuid := syncwell._claim_user();
begin
  return v_user_id is null or p_user_id is not distinct from v_user_id;
end
$$;
comment on function syncwell._may_handle_operation(uuid) is
'Whether the caller may work on operations of this user of its org: members and analysts on their own, admins and '
'services on all.';
revoke all on function syncwell._may_handle_operation(uuid) from public;
