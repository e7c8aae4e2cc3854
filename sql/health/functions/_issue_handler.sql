create or replace function syncwell._issue_handler(
  out org_id uuid,
  out user_id uuid
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
begin
  if v_caller.role not in ('admin', 'service') then
    raise exception using
      errcode = '42501',
      message = 'only admins and services silence alerts and plan maintenance',
      detail = format('The caller is %s.', v_caller.role),
      hint = 'Ask an admin of the org; acknowledge_issue() and snooze_issue() are for everybody''s own issues.';
  end if;
  org_id := v_caller.org_id;
  user_id := v_caller.user_id;
end
$$;
comment on function syncwell._issue_handler() is
'The caller, who must be an admin or a service: its org, and who it is (NULL: a service). Errors: SW001, 42501.';
revoke all on function syncwell._issue_handler() from public;
