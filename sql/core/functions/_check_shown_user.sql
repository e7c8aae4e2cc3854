create or replace function syncwell._check_shown_user(p_user_id uuid)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  if p_user_id is null or p_user_id = v_caller.user_id then
    return;
  end if;
  if v_caller.sees_org then
    perform from syncwell.users as u where u.org_id = v_caller.org_id and u.user_id = p_user_id;
    if found then
      return;
    end if;
  end if;
  raise exception using
    errcode = 'SW002',
    message = 'unknown user',
    detail = format('There is no user %s that this caller may look at.', p_user_id),
    hint = 'Leave it out for everything the caller may see.';
end
$$;
comment on function syncwell._check_shown_user(uuid) is
'Refuses (SW002) a user whom the caller may not look at, whether there is one or not; NULL passes. Errors: SW001, '
'SW002.';
revoke all on function syncwell._check_shown_user(uuid) from public;
