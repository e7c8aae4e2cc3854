create or replace function syncwell._merged_session(
  p_kept syncwell.sync_sessions,
  p_removed syncwell.sync_sessions,
  p_default_source text,
  p_now timestamptz
)
returns syncwell.sync_sessions
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_session syncwell.sync_sessions := p_kept;
begin
  v_session.source := case
    when p_kept.source = p_default_source then coalesce(p_removed.source, p_kept.source) else p_kept.source
  end;
  v_session.status := case when 'completed' in (p_kept.status, p_removed.status) then 'completed' else p_kept.status end;
  v_session.sync_attempts := p_kept.sync_attempts + coalesce(p_removed.sync_attempts, 0);
  v_session.last_sync_at := greatest(p_kept.last_sync_at, p_removed.last_sync_at);
  v_session.data_source := coalesce(p_kept.data_source, p_removed.data_source);
  v_session.started_at := least(p_kept.started_at, p_removed.started_at);
  v_session.ended_at := greatest(p_kept.ended_at, p_removed.ended_at);
  v_session.expected := coalesce(
    syncwell._most_expected(p_kept.expected, p_removed.expected), p_kept.expected, p_removed.expected
  );
  v_session.metadata := coalesce(p_removed.metadata || p_kept.metadata, p_kept.metadata, p_removed.metadata);
  v_session.platform := coalesce(p_kept.platform, p_removed.platform);
  v_session.device_id := coalesce(p_kept.device_id, p_removed.device_id);
  v_session.created_at := least(p_kept.created_at, p_removed.created_at);
  v_session.updated_at := p_now;
  if v_session.last_sync_at is not null and v_session.last_error_code is null then
    v_session.sync_status := syncwell._session_sync_status(
      v_session.org_id, v_session.session_id, v_session.status, v_session.expected
    );
  end if;
  return v_session;
end
$$;
comment on function
syncwell._merged_session(syncwell.sync_sessions, syncwell.sync_sessions, text, timestamptz) is
'What a session is once another one (NULL: only its records) has gone into it: what either was told, the kept one''s '
'say first; its earliest start, latest end, most expected. p_default_source: what is no say. Its sync_status is that '
'of the records it has by now.';
revoke all on function
syncwell._merged_session(syncwell.sync_sessions, syncwell.sync_sessions, text, timestamptz) from public;
