create or replace function syncwell._refuse_ingest(
  p_org_id uuid,
  p_user_id uuid,
  p_source text,
  p_session_id uuid,
  p_error jsonb,
  p_bytes bigint,
  p_started_at timestamptz,
  p_platform text,
  p_device_id text
)
returns jsonb
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_code constant text := p_error ->> 'code';
  v_message constant text := syncwell._scrub_secrets(p_error ->> 'message');
  v_detail constant text := syncwell._scrub_secrets(p_error ->> 'detail');
  v_status constant integer := syncwell._http_status(v_code);
begin
  update syncwell.sync_sessions as s
  set
    sync_attempts = s.sync_attempts + 1,
    sync_status = 'failed',
    last_error_code = v_code,
    last_error = syncwell._redact(p_org_id, s.user_id, left(concat_ws(': ', v_message, v_detail), 8192)),
    updated_at = greatest(s.updated_at, syncwell._now())
  where s.org_id = p_org_id and s.session_id = p_session_id;
  if p_source is not null then
    perform syncwell._record_run(
      p_org_id, p_user_id, p_source, 'push', 'incremental', p_started_at, 0, 0, 0, null, p_bytes, v_code, v_message,
      p_platform, p_device_id
    );
  end if;
  -- PostgREST answers with it
  perform set_config('response.status', v_status::text, true);
  return jsonb_build_object(
    'success', false,
    'error', jsonb_build_object(
      'code', v_code, 'message', v_message, 'detail', v_detail, 'hint', p_error ->> 'hint', 'status', v_status
    )
  );
end
$$;
comment on function syncwell._refuse_ingest(uuid, uuid, text, uuid, jsonb, bigint, timestamptz, text, text) is
'What a refused batch or document leaves: a failed attempt in the row of its session (NULL: none), a failed run of its '
'source (NULL: none), the status for PostgREST. p_error: {code, message, detail, hint}. Returns the answer.';
revoke all on function
syncwell._refuse_ingest(uuid, uuid, text, uuid, jsonb, bigint, timestamptz, text, text) from public;
