create or replace function syncwell.unbind_login(p_login_role name)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from syncwell.logins as l where l.login_role = p_login_role;
  return found;
end
$$;
comment on function syncwell.unbind_login(name) is
'Makes the login p_login_role nobody again, from its next statement on; false when it was not bound. For the owner '
'only. Errors: none.';
revoke all on function syncwell.unbind_login(name) from public;
