create or replace function syncwell.sync_session(
  p_document json,
  p_user_id uuid default null,
  p_device_id text default null,
  p_platform text default null
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_user_id constant uuid := syncwell._session_user(p_user_id);
  v_now constant timestamptz := syncwell._now();
  v_settings constant jsonb := syncwell._settings(v_org_id);
  v_default_source constant text := v_settings ->> 'ingest.session_source';
  v_bytes constant bigint := octet_length(p_document::text);
  -- everybody locks them in this order
  c_kinds constant text[] := array[
    'adaptive_event', 'progression', 'reading', 'survey_inter', 'survey_post', 'survey_pre'
  ];
  v_document json;
  v_told syncwell.sync_sessions;
  v_bare syncwell.sync_sessions;
  v_read record;
  v_done record;
  v_rejections jsonb := '{}'::jsonb;
  v_state text;
  v_message text;
  v_detail text;
  v_hint text;
begin
  v_document := syncwell._checked_document(p_document, v_settings);
  perform syncwell._check_platform(p_platform);
  perform syncwell._check_text('p_device_id', p_device_id, 255);
  -- what is kept of a session that nobody knew where its document is refused
  v_bare.org_id := v_org_id;
  v_bare.user_id := v_user_id;
  v_bare.local_id := v_document ->> 'local_id';
  v_bare.source := substring(v_document ->> 'source' from '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$');
  v_bare.data_source := substring(v_document ->> 'data_source' from '^(?:mock|bluetooth|manual)$');

  for v_try in 1..5 loop
    begin
      v_told := syncwell._told_by_document(v_document);
      v_told.org_id := v_org_id;
      v_told.user_id := v_user_id;
      v_told.platform := p_platform;
      v_told.device_id := syncwell._redact(v_org_id, v_user_id, p_device_id);
      perform syncwell._check_session(v_told, v_now, v_settings);
      v_read := syncwell._read_document(v_org_id, v_document, c_kinds, v_told.data_source, v_now);
      v_rejections := v_read.rejections;
      if v_read.has_rejected then
        raise exception using
          errcode = 'SW502',
          message = 'records of the session can not be taken',
          detail = format('%s of %s.', v_rejections -> 'rejected', v_rejections -> 'received'),
          hint = 'rejections tells which and why; ingest_batch() takes the others.';
      end if;
      v_told.session_id := syncwell._open_session(v_org_id, v_user_id, v_told.local_id, true, p_device_id);
      v_done := syncwell._store_document(
        v_told, v_read.rows, c_kinds, v_read.bounds, v_now, v_default_source
      );
      if v_done.has_changed then
        perform syncwell._check_metadata(v_done.metadata, (v_settings ->> 'ingest.max_row')::integer);
      end if;
      if not v_done.is_mock and not v_read.is_mock then
        perform syncwell._record_run(
          p_org_id => v_org_id,
          p_user_id => v_user_id,
          p_source => v_done.source,
          p_direction => 'push',
          p_sync_type => 'incremental',
          p_started_at => v_now,
          p_items_created => (v_done.answer ->> 'inserted')::bigint,
          p_items_updated => (v_done.answer ->> 'updated')::bigint,
          p_items_deleted => 0,
          p_items_failed => 0,
          p_bytes => v_bytes,
          p_platform => p_platform,
          p_device_id => p_device_id
        );
      end if;
      if v_done.has_changed then
        perform syncwell._notify_session(v_org_id, v_told.session_id, v_settings);
      end if;
      return v_done.answer || v_rejections || case
        when v_read.clock_skew > 0 then jsonb_build_object('clock_skew_seconds', round(v_read.clock_skew, 3)) else '{}'
      end;
    exception
      when others then
        get stacked diagnostics
          v_state = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail,
          v_hint = pg_exception_hint;
        -- nothing is wrong with the document; a snapshot of its own may help, one that stays does not
        if v_state like '40%' and (
          v_try = 5 or v_state <> '40P01' or current_setting('transaction_isolation') <> 'read committed'
        ) then
          raise;
        end if;
    end;
    -- the locks are gone with the attempt
    exit when v_state <> '40P01';
  end loop;
  return syncwell._fail_session(
    v_bare,
    jsonb_build_object('code', v_state, 'message', v_message, 'detail', v_detail, 'hint', v_hint),
    v_rejections, v_bytes, v_now, v_default_source, p_platform, p_device_id
  );
end
$$;
comment on function syncwell.sync_session(json, uuid, text, text) is
'Takes a whole session, all or nothing. p_document: {"local_id" (1 to 200 characters), "started_at", "ended_at", '
'"status": "active" | "completed", "source", "data_source", "expected", "metadata", "readings": […], "survey_pre": row '
'or […], "survey_inter": […], "survey_post": row or […], "progression": […], "adaptive_events": […]}; all but local_id '
'may be missing; the session''s members are as in start_session(), times ISO 8601 with offset or milliseconds since '
'1970, rows as in ingest_batch(), whose data_source is the session''s where they name none. With an end, or status '
'completed, the session is completed. Returns {"success": true, "session_id", "created", "already_synced": whether '
'all of it was here, "received", "inserted", "duplicates", "updated", "records": {kind: the same numbers}, "status", '
'"sync_status", "complete", "missing": {kind: {"expected", "stored"}}, "rejected": 0, "rejections": [], '
'"rejected_by_reason": {}, "clock_skew_seconds" (where a row says it is from the future)}. Or '
'{"success": false, "session_id", "error": {code, message, detail, hint, status}}, when nothing is kept of it but the '
'name of the session, an attempt that failed and a failed run: SW502 rows can not be taken, with "received", '
'"rejected", "rejections": [{kind, position, reason, detail}] (100 of them) and "rejected_by_reason"; 22023 and SW503 '
'(metadata) what is told of the session. Either is recorded as a run of the session''s source, but for made-up ones. '
'p_device_id: at most 255 characters, kept by consent; p_platform: android, ios, web, server, other; p_user_id: whose '
'(admins and services), NULL: the caller''s. Errors: SW001, SW002, 22004 no document, 22023 no object, or without a '
'local id, or an unknown platform, 22001 the device id, SW503 more rows or bytes than settings ingest.max_rows and '
'max_batch allow, 57014 where the call is cancelled, and 40001 or 40P01, to be sent again.';
revoke all on function syncwell.sync_session(json, uuid, text, text) from public;
grant execute on function syncwell.sync_session(json, uuid, text, text) to syncwell_client, syncwell_worker;
