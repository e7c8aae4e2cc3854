create or replace function syncwell._check_table_owner(p_table regclass)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Inside a definer function nothing is left of the caller but its login. What the login may become by SET ROLE
  -- counts; the triggers themselves are made with the rights of the role it has set.
  if not exists (
    select from pg_class as c where c.oid = p_table and pg_has_role(session_user, c.relowner, 'member')
  ) then
    raise exception using
      errcode = '42501',
      message = 'only the owner of a table decides how it is synced',
      detail = format('%I does not own %s, nor is it a member of the role that does.', session_user, p_table),
      hint = 'Connect as the owner of the table, who also needs the role syncwell_operator.';
  end if;
end
$$;
comment on function syncwell._check_table_owner(regclass) is
'Refuses whoever is not the owner of a table or a member of it. Errors: 42501.';
revoke all on function syncwell._check_table_owner(regclass) from public;
