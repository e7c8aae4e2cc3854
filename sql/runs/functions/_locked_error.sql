create or replace function syncwell._locked_error(p_error_id uuid)
returns syncwell.sync_errors
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_error syncwell.sync_errors;
begin
  select e.* into v_error
  from syncwell.sync_errors as e
  where e.org_id = v_caller.org_id
    and e.id = p_error_id
    -- to change it takes more than to see it: whoever may record for that stream, see _target_user()
    and (v_caller.role in ('admin', 'service') or e.user_id = v_caller.user_id)
  for update;
  if not found then
    perform syncwell._refuse_unknown_error(p_error_id);
  end if;
  return v_error;
end
$$;
comment on function syncwell._locked_error(uuid) is
'The error, locked until the end of the transaction, if it is the caller''s or, for admins and '
'services, any of the org. Errors: SW001, SW104, 22004.';
revoke all on function syncwell._locked_error(uuid) from public;
