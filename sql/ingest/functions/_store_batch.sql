create or replace function syncwell._store_batch(
  p_org_id uuid,
  p_user_id uuid,
  p_kind text,
  p_source text,
  p_session text,
  p_platform text,
  p_device_id text,
  p_rows syncwell.ingest_row[],
  p_now timestamptz,
  out session_id uuid,
  out inserted bigint,
  out duplicates bigint,
  out updated bigint
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_stream_id uuid;
  v_done record;
begin
  if p_user_id is not null then
    perform syncwell._lock_sessions(p_org_id, p_user_id, false);
  end if;
  if p_source is not null then
    v_stream_id := syncwell._ensure_stream(p_org_id, p_user_id, p_source, p_platform);
    v_done := syncwell._store_events(p_org_id, p_user_id, v_stream_id, p_source, p_platform, p_rows, p_now);
  else
    session_id := (
      select s.session_id from syncwell._sessions_of(p_org_id, p_user_id, array[p_session], true, p_device_id) as s
    );
    v_done := syncwell._store_records(p_org_id, p_user_id, session_id, p_kind, p_rows, p_now);
    if syncwell._mark_session(p_org_id, session_id, p_now) = 'active' and v_done.inserted + v_done.updated > 0 then
      perform syncwell._notify_session(
        p_org_id, session_id,
        jsonb_build_object('ingest.notify', syncwell._setting(p_org_id, 'ingest.notify')), p_kind
      );
    end if;
  end if;
  inserted := v_done.inserted;
  duplicates := v_done.duplicates;
  updated := v_done.updated;
end
$$;
comment on function syncwell._store_batch(
  uuid, uuid, text, text, text, text, text, syncwell.ingest_row[], timestamptz
) is
'Stores the rows of a batch that are not rejected: events of p_source, or records of p_session, whose row it marks and '
'of which it tells, where it is running.';
revoke all on function syncwell._store_batch(
  uuid, uuid, text, text, text, text, text, syncwell.ingest_row[], timestamptz
) from public;
