create or replace function syncwell._target_user(p_user_id uuid)
returns uuid
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  if p_user_id is null or p_user_id = v_caller.user_id then
    return v_caller.user_id;
  end if;
  if v_caller.role in ('admin', 'service') then
    perform from syncwell.users as u where u.org_id = v_caller.org_id and u.user_id = p_user_id;
    if found then
      return p_user_id;
    end if;
  end if;
  raise exception using
    errcode = 'SW002',
    message = 'unknown user',
    detail = format('There is no user %s for whom this caller may record.', p_user_id),
    hint = 'Users are registered with syncwell.register_user(); admins and services record for others of their org.';
end
$$;
comment on function syncwell._target_user(uuid) is
'For whom a call records: p_user_id where the caller may, else the acting user, NULL for a service (the org''s own '
'stream). Errors: SW001, SW002.';
revoke all on function syncwell._target_user(uuid) from public;
