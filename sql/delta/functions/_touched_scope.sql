create or replace function syncwell._touched_scope(
  p_scope_kind text,
  p_user_id uuid
)
returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user syncwell.users;
  v_caller record;
begin
  if pg_has_role(session_user, 'syncwell_operator', 'member') and p_user_id is not null then
    -- operators serve all orgs
    select u.* into v_user from syncwell.users as u where u.user_id = p_user_id;
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s.', p_user_id),
        hint = 'Users are registered with syncwell.register_user().';
    end if;
    return case p_scope_kind when 'org' then v_user.org_id else v_user.user_id end;
  end if;
  v_caller := syncwell._caller();
  if p_scope_kind <> 'org' then
    v_user.user_id := syncwell._target_user(p_user_id);
    if v_user.user_id is null then
      raise exception using
        errcode = '22004',
        message = 'whose record is it?',
        detail = 'The table''s records are users'', and a service is none.',
        hint = 'Name the user as p_user_id.';
    end if;
    return v_user.user_id;
  end if;
  -- it would reach the devices of everybody in the org
  if v_caller.role not in ('admin', 'service') then
    raise exception using
      errcode = '42501',
      message = 'only admins and services touch the records of an org',
      detail = format('The caller is %s.', v_caller.role),
      hint = 'Ask an admin of the org, or an operator.';
  end if;
  perform syncwell._target_user(p_user_id);
  return v_caller.org_id;
end
$$;
comment on function syncwell._touched_scope(text, uuid) is
'Whose record a caller touches: its own or, where it may, that of p_user_id; for a table of an org the org. Errors: '
'22004, 42501, SW001, SW002.';
revoke all on function syncwell._touched_scope(text, uuid) from public;
-- touch_record() looks for the record with its caller's rights
grant execute on function syncwell._touched_scope(text, uuid) to syncwell_client, syncwell_worker, syncwell_operator;
