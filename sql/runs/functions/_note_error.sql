create or replace function syncwell._note_error(
  p_org_id uuid,
  p_stream_id uuid,
  p_user_id uuid,
  p_source text,
  p_event_id uuid,
  p_now timestamptz,
  p_error_type text,
  p_class text,
  p_code text,
  p_http_status integer,
  p_message text,
  p_details jsonb
)
returns syncwell.sync_errors
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_message constant text := syncwell._scrub_secrets(p_message);
  v_error syncwell.sync_errors;
begin
  insert into syncwell.sync_errors as e (
    org_id, id, stream_id, user_id, source, event_id, fingerprint, error_type, error_class, error_code, http_status,
    error_message, error_details, created_at, first_seen, last_seen
  )
  values (
    p_org_id, syncwell._uuid7(p_now), p_stream_id, p_user_id, p_source, p_event_id,
    syncwell._error_fingerprint(p_class, p_code, p_http_status, v_message),
    p_error_type, p_class, p_code, p_http_status,
    syncwell._redact(p_org_id, p_user_id, v_message),
    syncwell._redact(p_org_id, p_user_id, syncwell._scrub_json(p_details)),
    p_now, p_now, p_now
  )
  on conflict (org_id, stream_id, fingerprint) where resolved_at is null do update
  set
    -- once a run has met it, the next success resolves it
    event_id = coalesce(excluded.event_id, e.event_id),
    error_type = excluded.error_type,
    error_message = excluded.error_message,
    error_details = coalesce(excluded.error_details, e.error_details),
    last_seen = greatest(e.last_seen, excluded.last_seen),
    occurrences = e.occurrences + 1
  returning e.* into v_error;
  return v_error;
end
$$;
comment on function
syncwell._note_error(uuid, uuid, uuid, text, uuid, timestamptz, text, text, text, integer, text, jsonb) is
'Counts an error in its stream''s open row of the same fingerprint, or makes that row; stores message and details '
'without secrets and with consent only.';
revoke all on function
syncwell._note_error(uuid, uuid, uuid, text, uuid, timestamptz, text, text, text, integer, text, jsonb) from public;
