create or replace function syncwell._session_user(p_user_id uuid)
returns uuid
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id constant uuid := syncwell._target_user(p_user_id);
begin
  if v_user_id is null then
    raise exception using
      errcode = '22004',
      message = 'a user is needed',
      detail = 'p_user_id is NULL, and the caller is a service.',
      hint = 'Sessions and local ids are a user''s: say whose with p_user_id.';
  end if;
  return v_user_id;
end
$$;
comment on function syncwell._session_user(uuid) is
'Whose session or local id a call is about: as _target_user(), but somebody''s always. Errors: SW001, SW002, 22004.';
revoke all on function syncwell._session_user(uuid) from public;
