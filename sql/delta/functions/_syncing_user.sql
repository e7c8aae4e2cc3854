create or replace function syncwell._syncing_user(
  out org_id uuid,
  out user_id uuid
)
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
begin
  org_id := v_caller.org_id;
  user_id := v_caller.user_id;
  if user_id is null then
    raise exception using
      errcode = '42501',
      message = 'only a user syncs',
      detail = 'The caller is a service of an org: it has no records of its own.',
      hint = 'A gateway calls act_as() with the user whose device it serves.';
  end if;
end
$$;
comment on function syncwell._syncing_user() is
'The user whose device pulls or pushes. Errors: SW001 when nobody is calling, 42501 when it is no user.';
revoke all on function syncwell._syncing_user() from public;
