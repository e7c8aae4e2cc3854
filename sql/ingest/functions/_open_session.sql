create or replace function syncwell._open_session(
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
  select s.session_id into v_session_id
  from syncwell._sessions_of(p_org_id, p_user_id, array[p_session], false, null) as s
  inner join syncwell.sync_sessions as e on e.org_id = p_org_id and e.session_id = s.session_id;
  perform syncwell._lock_sessions(p_org_id, p_user_id, not found);
  v_session_id := (
    select s.session_id
    from syncwell._sessions_of(p_org_id, p_user_id, array[p_session], p_create, p_device_id) as s
  );
  perform from syncwell.sync_sessions as s where s.org_id = p_org_id and s.session_id = v_session_id;
  if not found then
    -- it went meanwhile, or there was none to begin with: then the lock is held already
    perform syncwell._lock_sessions(p_org_id, p_user_id, true);
  end if;
  return v_session_id;
end
$$;
comment on function syncwell._open_session(uuid, uuid, text, boolean, text) is
'The session that is meant, as _sessions_of() tells, NULL where there is none; with the user''s sessions locked: '
'exclusively for whoever is going to make its row, else shared. The first thing to be done with a session. Errors: '
'40001 as _resolve_local_ids().';
revoke all on function syncwell._open_session(uuid, uuid, text, boolean, text) from public;
