create or replace function syncwell.start_session(
  p_local_id text,
  p_started_at timestamptz default null,
  p_source text default null,
  p_data_source text default null,
  p_expected jsonb default null,
  p_metadata jsonb default null,
  p_device_id text default null,
  p_platform text default null,
  p_user_id uuid default null,
  out session_id uuid,
  out created boolean,
  out status text,
  out sync_status text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_user_id constant uuid := syncwell._session_user(p_user_id);
  v_now constant timestamptz := syncwell._now();
  v_settings constant jsonb := syncwell._settings(v_org_id);
  v_default_source constant text := v_settings ->> 'ingest.session_source';
  v_told syncwell.sync_sessions;
  v_done record;
begin
  perform syncwell._check_local_id('p_local_id', p_local_id, 200);
  v_told.org_id := v_org_id;
  v_told.user_id := v_user_id;
  v_told.local_id := p_local_id;
  v_told.started_at := p_started_at;
  v_told.source := p_source;
  v_told.data_source := p_data_source;
  v_told.expected := p_expected;
  v_told.metadata := p_metadata;
  v_told.platform := p_platform;
  v_told.device_id := p_device_id;
  perform syncwell._check_session(v_told, v_now, v_settings);
  v_told.device_id := syncwell._redact(v_org_id, v_user_id, p_device_id);

  v_told.session_id := syncwell._open_session(v_org_id, v_user_id, p_local_id, true, p_device_id);
  created := syncwell._begin_session(v_told, v_now, v_default_source);
  v_done := syncwell._fill_session(v_told, v_now, v_default_source, false);
  if created or v_done.changed then
    perform syncwell._check_metadata(v_done.metadata, (v_settings ->> 'ingest.max_row')::integer);
  end if;
  session_id := v_told.session_id;
  status := v_done.status;
  sync_status := v_done.sync_status;
end
$$;
comment on function
syncwell.start_session(text, timestamptz, text, text, jsonb, jsonb, text, text, uuid) is
'Starts a session, once: told again, by another device or by two at a time it is the same session, which keeps the '
'earliest start and is told what it did not know yet. What arrived for it before becomes its own. p_local_id: the '
'name the device gave it (1 to 200 characters), or its id here; p_started_at: from 2000 on (NULL: now, or its first '
'record); p_source: what it counts for in health (NULL: setting ingest.session_source); p_data_source: mock (made up, '
'never counted), bluetooth, manual; p_expected: how many records there will be, {"reading": 1200, "survey_pre": 1}; '
'p_metadata: an object; p_device_id: at most 255 characters, kept by consent; p_platform: android, ios, web, server, '
'other; p_user_id: whose (admins and services), NULL: the caller''s. Returns its id, whether it was made, and how it '
'is. Errors: SW001, SW002, SW503 (metadata), 22001, 22004, 22023, and 40001 or 40P01, to be sent again.';
revoke all on function
syncwell.start_session(text, timestamptz, text, text, jsonb, jsonb, text, text, uuid) from public;
grant execute on function
syncwell.start_session(text, timestamptz, text, text, jsonb, jsonb, text, text, uuid)
to syncwell_client, syncwell_worker;
