create or replace function syncwell._may_merge_sessions()
returns uuid
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._identity();
begin
  if v_caller.role in ('admin', 'service') then
    return v_caller.org_id;
  end if;
  if v_caller.org_id is null then
    if pg_has_role(session_user, 'syncwell_operator', 'member') then
      return null;
    end if;
    -- which says why
    perform syncwell._caller();
  end if;
  raise exception using
    errcode = '42501',
    message = 'only admins, services and operators merge sessions',
    detail = format('The caller is %s.', v_caller.role),
    hint = 'Ask an admin of the org; find_duplicate_sessions() is for everybody.';
end
$$;
comment on function syncwell._may_merge_sessions() is
'The org in which the caller, an admin or service, merges sessions; NULL, for an operator: in all. Errors: SW001, '
'42501.';
revoke all on function syncwell._may_merge_sessions() from public;
