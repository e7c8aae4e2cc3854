create or replace function syncwell._session_of(
  p_org_id uuid,
  p_user_id uuid,
  p_session text,
  p_create boolean,
  p_device_id text default null
)
returns uuid
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_session_id uuid;
begin
  perform syncwell._check_local_id('p_session', p_session, 200);
  select s.session_id into v_session_id
  from syncwell._sessions_of(p_org_id, p_user_id, array[p_session], p_create, p_device_id) as s;
  if not found then
    raise exception using
      errcode = 'SW501',
      message = 'unknown session',
      detail = format('There is no session %L of this user.', p_session),
      hint = 'Pass its id here or its local id; start_session() makes one.';
  end if;
  return v_session_id;
end
$$;
comment on function syncwell._session_of(uuid, uuid, text, boolean, text) is
'The session of a user that is meant by its id here in text form or its local id, see _sessions_of(); a local id not '
'heard of yet gets an id with p_create. Errors: SW501, 22004 (NULL), 22023 (empty), 22001 (longer than 200), 40001 as '
'_resolve_local_ids().';
revoke all on function syncwell._session_of(uuid, uuid, text, boolean, text) from public;
