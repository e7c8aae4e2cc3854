create or replace function syncwell._put_session(p_session syncwell.sync_sessions)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  update syncwell.sync_sessions as s
  set
    source = p_session.source,
    status = p_session.status,
    sync_status = p_session.sync_status,
    sync_attempts = p_session.sync_attempts,
    last_sync_at = p_session.last_sync_at,
    last_error_code = p_session.last_error_code,
    last_error = p_session.last_error,
    data_source = p_session.data_source,
    started_at = p_session.started_at,
    ended_at = p_session.ended_at,
    expected = p_session.expected,
    metadata = p_session.metadata,
    platform = p_session.platform,
    device_id = p_session.device_id,
    created_at = p_session.created_at,
    updated_at = p_session.updated_at
  where s.org_id = p_session.org_id and s.session_id = p_session.session_id;
end
$$;
comment on function syncwell._put_session(syncwell.sync_sessions) is
'Writes all of a session''s row that may change.';
revoke all on function syncwell._put_session(syncwell.sync_sessions) from public;
