create or replace function syncwell.create_sync_error(
  p_source text,
  p_message text,
  p_code text default null,
  p_http_status integer default null,
  p_details jsonb default null,
  p_user_id uuid default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_kind record;
  v_error syncwell.sync_errors;
begin
  perform syncwell._check_source(p_source);
  perform syncwell._check_error(p_message, p_code, p_http_status, p_details);
  v_kind := syncwell.classify_sync_error(p_code, p_http_status, p_message);
  v_error := syncwell._note_error(
    v_caller.org_id,
    syncwell._ensure_stream(v_caller.org_id, v_user_id, p_source, null),
    v_user_id, p_source, null, syncwell._now(),
    v_kind.error_type, v_kind.class, p_code, p_http_status, p_message, p_details
  );
  return v_error.id;
end
$$;
comment on function syncwell.create_sync_error(text, text, text, integer, jsonb, uuid) is
'Reports an error that no run of p_source met, e.g. a webhook that could not be read; the stream (p_user_id as in '
'record_sync_start()) is made on first use. p_message (up to 8192 characters) and p_details (up to 64 KiB) are kept '
'without secrets and with consent; p_code, p_http_status: as classify_sync_error() reads them, NULL = not known. The '
'same error again counts in the same row. It changes no health and is not retried until schedule_sync_retry(); a '
'success does not resolve it, unless that run retried it or a run has met the same error: mark_error_resolved() does. '
'Returns the error''s id. Errors: SW001, SW002, 22004, 22023, 22001.';
revoke all on function syncwell.create_sync_error(text, text, text, integer, jsonb, uuid) from public;
grant execute on function syncwell.create_sync_error(text, text, text, integer, jsonb, uuid) to syncwell_worker;
