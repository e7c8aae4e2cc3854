create or replace function syncwell._mark_session(
  p_org_id uuid,
  p_session_id uuid,
  p_now timestamptz
)
returns text
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status text;
begin
  update syncwell.sync_sessions as s
  set
    sync_attempts = s.sync_attempts + 1,
    last_sync_at = greatest(s.last_sync_at, p_now),
    last_error_code = null,
    last_error = null,
    sync_status = syncwell._session_sync_status(s.org_id, s.session_id, s.status, s.expected),
    updated_at = greatest(s.updated_at, p_now)
  where s.org_id = p_org_id and s.session_id = p_session_id
  returning s.status into v_status;
  return v_status;
end
$$;
comment on function syncwell._mark_session(uuid, uuid, timestamptz) is
'Notes in a session''s row that something of it arrived, which may have been the last that was missing; after its '
'counts. Returns its status; NULL: nobody started it yet.';
revoke all on function syncwell._mark_session(uuid, uuid, timestamptz) from public;
