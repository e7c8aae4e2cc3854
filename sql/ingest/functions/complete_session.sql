create or replace function syncwell.complete_session(
  p_session text,
  p_ended_at timestamptz default null,
  p_expected jsonb default null,
  p_user_id uuid default null
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
  v_told syncwell.sync_sessions;
  v_done record;
  v_missing jsonb;
begin
  perform syncwell._check_local_id('p_session', p_session, 200);
  v_told.org_id := v_org_id;
  v_told.user_id := v_user_id;
  v_told.status := 'completed';
  v_told.ended_at := p_ended_at;
  v_told.expected := p_expected;
  perform syncwell._check_session(v_told, v_now, v_settings);

  v_told.session_id := syncwell._open_session(v_org_id, v_user_id, p_session, false);
  if v_told.session_id is null then
    raise exception using
      errcode = 'SW501',
      message = 'unknown session',
      detail = format('There is no session %L of this user.', p_session),
      hint = 'Pass its id here or its local id; start_session() makes one.';
  end if;
  v_told.local_id := p_session;
  -- its start may have been lost: the device will not send it again
  perform syncwell._begin_session(v_told, v_now, v_default_source);
  v_done := syncwell._fill_session(v_told, v_now, v_default_source, false, true);
  v_missing := syncwell._session_missing(v_org_id, v_told.session_id, v_done.expected);
  if v_done.sync_status = 'pending' then
    -- nothing ever came: all is here where nothing was to come
    update syncwell.sync_sessions as s
    set sync_status = 'completed'
    where s.org_id = v_org_id and s.session_id = v_told.session_id and v_missing = '{}';
  end if;

  if v_done.data_source is distinct from 'mock' then
    perform syncwell._record_run(
      p_org_id => v_org_id,
      p_user_id => v_user_id,
      p_source => v_done.source,
      p_direction => 'push',
      p_sync_type => 'incremental',
      p_started_at => v_now,
      p_items_created => 0,
      p_items_updated => v_done.changed::integer,
      p_items_deleted => 0,
      p_items_failed => 0,
      p_bytes => null
    );
  end if;
  if v_done.changed then
    perform syncwell._notify_session(v_org_id, v_told.session_id, v_settings);
  end if;

  return jsonb_build_object(
    'success', true,
    'session_id', v_told.session_id,
    'complete', v_missing = '{}',
    'missing', v_missing,
    'stored', syncwell._session_stored(v_org_id, v_told.session_id),
    'ended_at', v_done.ended_at,
    'safely_stored', (
      select coalesce(jsonb_agg(n.local_id order by n.local_id), '[]')
      from (
        -- of a session that is not whole its records are safe, one by one; the session itself is not
        select v_done.local_id as local_id
        where v_missing = '{}'
        union
        select l.local_id
        from syncwell.local_ids as l
        where v_missing = '{}' and l.org_id = v_org_id and l.server_id = v_told.session_id
        union
        select r.local_id
        from syncwell.session_records as r
        where r.org_id = v_org_id and r.session_id = v_told.session_id and r.local_id is not null
      ) as n
    ),
    'keep_until', v_now + (v_settings ->> 'ingest.client_retention')::interval
  );
end
$$;
comment on function syncwell.complete_session(text, timestamptz, jsonb, uuid) is
'Ends a session (p_session: its id, or the name the device gave it), and tells whether all of it is here: {"success": '
'true, "session_id", "complete", "missing": {kind: {"expected", "stored"}}, "stored": {kind: number}, "ended_at", '
'"safely_stored": [names that the device gave its records, and the session once nothing is missing], "keep_until"}. '
'What is safely stored the device may drop after keep_until (now + setting ingest.client_retention). p_ended_at: when '
'it ended (NULL: as told before, else at its last record, else now); p_expected: how many records there are of each '
'kind, {"reading": 1200}, which counts more than what was told before (NULL: as told before). It may be told again; '
'what is missing may arrive later. p_user_id: whose (admins and services), NULL: the caller''s. Errors: SW001, SW002, '
'SW501 no such session, 22001, 22004, 22023, and 40001 or 40P01, to be sent again.';
revoke all on function syncwell.complete_session(text, timestamptz, jsonb, uuid) from public;
grant execute on function syncwell.complete_session(text, timestamptz, jsonb, uuid) to syncwell_client, syncwell_worker;
