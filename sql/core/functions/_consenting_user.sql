create or replace function syncwell._consenting_user(
  out org_id uuid,
  out user_id uuid
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller constant record := syncwell._caller();
begin
  if v_caller.user_id is null then
    raise exception using
      errcode = '42501',
      message = 'only a user consents, and for itself',
      detail = format('Login %I is not acting for a user.', session_user),
      hint = 'A gateway calls syncwell.act_as() first.';
  end if;
  org_id := v_caller.org_id;
  user_id := v_caller.user_id;
end
$$;
comment on function syncwell._consenting_user() is
'The calling user: nobody consents for somebody else. Errors: SW001, 42501 for a service.';
revoke all on function syncwell._consenting_user() from public;
