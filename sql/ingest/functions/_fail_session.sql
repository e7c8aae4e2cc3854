create or replace function syncwell._fail_session(
  p_told syncwell.sync_sessions,
  p_error jsonb,
  p_rejections jsonb,
  p_bytes bigint,
  p_started_at timestamptz,
  p_default_source text,
  p_platform text,
  p_device_id text
)
returns jsonb
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_told syncwell.sync_sessions := p_told;
  v_session syncwell.sync_sessions;
begin
  v_told.session_id := syncwell._open_session(p_told.org_id, p_told.user_id, p_told.local_id, true, p_device_id);
  perform syncwell._begin_session(v_told, v_now, p_default_source);
  select s.* into strict v_session
  from syncwell.sync_sessions as s
  where s.org_id = v_told.org_id and s.session_id = v_told.session_id;
  return syncwell._refuse_ingest(
    v_told.org_id, v_told.user_id,
    case when 'mock' is distinct from v_session.data_source and 'mock' is distinct from p_told.data_source
      then v_session.source
    end,
    v_told.session_id, p_error, p_bytes, p_started_at, p_platform, p_device_id
  ) || jsonb_build_object('session_id', v_told.session_id) || p_rejections;
end
$$;
comment on function
syncwell._fail_session(syncwell.sync_sessions, jsonb, jsonb, bigint, timestamptz, text, text, text) is
'What a refused session document leaves: an attempt of the session and why it failed, a failed run, the status for '
'PostgREST. p_told: by which name the session is known, and what is kept where it was not; p_rejections: members of '
'the answer about rows. Returns the answer.';
revoke all on function
syncwell._fail_session(syncwell.sync_sessions, jsonb, jsonb, bigint, timestamptz, text, text, text) from public;
