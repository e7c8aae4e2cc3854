create or replace function syncwell.ingest_batch(
  p_kind text,
  p_rows json,
  p_source text default null,
  p_session text default null,
  p_user_id uuid default null,
  p_device_id text default null,
  p_platform text default null,
  p_strict boolean default false,
  p_record boolean default true
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_now constant timestamptz := syncwell._now();
  v_bytes constant bigint := octet_length(p_rows::text);
  v_user_id uuid;
  v_rows syncwell.ingest_row[];
  v_facts record;
  v_rejections jsonb;
  v_done record;
  v_session_id uuid;
  v_state text;
  v_message text;
  v_detail text;
  v_hint text;
begin
  v_user_id := syncwell._target_user(p_user_id);
  perform syncwell._check_batch(v_org_id, p_kind, p_rows, p_source, p_session);
  perform syncwell._check_platform(p_platform);
  perform syncwell._check_text('p_device_id', p_device_id, 255);
  if p_session is not null then
    v_user_id := syncwell._session_user(p_user_id);
  end if;
  if p_strict is null or p_record is null then
    raise exception using
      errcode = '22004',
      message = 'yes or no is needed',
      detail = format('%s is NULL.', case when p_strict is null then 'p_strict' else 'p_record' end),
      hint = 'Leave it out for its default.';
  end if;

  v_rows := syncwell._ingest_rows(v_org_id, p_kind, p_rows, v_now);
  if p_kind = 'event' and v_user_id is null then
    -- only users have sessions
    v_rows := array(
      select case
        when r.session is null then r
        else row(
          r.place, 'bad_session: an event of the org belongs to no session', null, null, null, null, null, null, null,
          null, null, null
        )::syncwell.ingest_row
      end
      from unnest(v_rows) as r
    );
  end if;
  select
    count(*) as received,
    count(r.rejected) as rejected,
    coalesce(bool_and(r.data_source is not distinct from 'mock') filter (where r.rejected is null), false) as is_mock,
    extract(epoch from greatest(max(r.client_at), max(r.occurred_at)) - v_now) as skew
  into v_facts
  from unnest(v_rows) as r;
  v_rejections := case
    when v_facts.rejected > 0 then syncwell._rejections(v_rows)
    else '{"rejected": 0, "rejections": [], "rejected_by_reason": {}}'
  end;

  if not p_strict then
    v_done := syncwell._store_batch(
      v_org_id, v_user_id, p_kind, p_source, p_session, p_platform, p_device_id, v_rows, v_now
    );
  else
    begin
      if v_facts.rejected > 0 then
        raise exception using
          errcode = 'SW502',
          message = 'rows of the batch can not be taken',
          detail = format(
            '%s of %s; row %s: %s.', v_facts.rejected, v_facts.received, v_rejections #>> '{rejections,0,position}',
            v_rejections #>> '{rejections,0,reason}'
          ),
          hint = 'Mend or leave out the rows in rejections, or send the batch without p_strict.';
      end if;
      v_done := syncwell._store_batch(
        v_org_id, v_user_id, p_kind, p_source, p_session, p_platform, p_device_id, v_rows, v_now
      );
    exception
      when others then
        get stacked diagnostics
          v_state = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail,
          v_hint = pg_exception_hint;
        -- nothing is wrong with the batch: it is to be sent anew
        if v_state like '40%' then
          raise;
        end if;
    end;
  end if;
  if v_state is not null then
    if p_session is not null then
      select s.session_id into v_session_id
      from syncwell._sessions_of(v_org_id, v_user_id, array[p_session], false, null) as s;
    end if;
    return syncwell._refuse_ingest(
      v_org_id, v_user_id, case when p_record then p_source end, v_session_id,
      jsonb_build_object('code', v_state, 'message', v_message, 'detail', v_detail, 'hint', v_hint), v_bytes, v_now,
      p_platform, p_device_id
    ) || jsonb_build_object('received', v_facts.received) || v_rejections;
  end if;

  if p_record and p_source is not null and not v_facts.is_mock then
    perform syncwell._record_run(
      v_org_id, v_user_id, p_source, 'push', 'incremental', v_now, v_done.inserted, v_done.updated, 0,
      v_facts.rejected, v_bytes, null, null, p_platform, p_device_id
    );
  end if;
  return jsonb_build_object(
    'success', true,
    'received', v_facts.received,
    'inserted', v_done.inserted,
    'duplicates', v_done.duplicates,
    'updated', v_done.updated
  ) || v_rejections || jsonb_strip_nulls(jsonb_build_object(
    'session_id', v_done.session_id,
    'clock_skew_seconds', case when v_facts.skew > 0 then round(v_facts.skew, 3) end
  ));
end
$$;
comment on function syncwell.ingest_batch(text, json, text, text, uuid, text, text, boolean, boolean) is
'Stores what a source or device delivers, each row once, in any order and however often it is sent. p_kind: event, '
'with p_source (a source''s name; its stream is made where it is missing), or reading, survey_pre, survey_inter, '
'survey_post, progression or adaptive_event, with p_session (the session''s id here or its local id; records may come '
'before their session). p_rows: a JSON array, at most ingest.max_rows rows and ingest.max_batch bytes; p_user_id: '
'whose rows they are, the caller by default, nobody''s (the org''s own events) for a service; p_device_id, p_platform: '
'kept with them; p_strict (default off): all rows or none; p_record (default on): write a run of the source, which a '
'worker that tracks its own turns off. A row: {"occurred_at": ISO 8601 with offset or milliseconds since 1970, '
'"written_at"?: the same, "data_source"?: mock|bluetooth|manual, "payload"?: object}; without payload all other '
'members are it; an event also "external_id"? (text or whole number; without one it is known by time and payload), '
'"platform"?, "session"? (its id here or local id); a session record also "spo2"? (percent), "heart_rate"? (beats a '
'minute), "local_id"?. An event is known by source and external_id, a record by session, kind and time. Of two '
'versions the one written later counts, by written_at, at the latest when it arrived (without written_at: when it '
'arrived); at the same time the one that came later. Returns {"success": true, "received", "inserted", "duplicates" '
'(changed nothing), "updated", "rejected", "rejections": [{"position" (from 0), "reason", "detail"}] of the first '
'100, "rejected_by_reason": {reason: number}, "session_id" (of records), "clock_skew_seconds" (where a row says it is '
'from the future)}. Reasons: not_an_object, unreadable, row_too_large (ingest.max_row), missing_time, bad_time, '
'time_out_of_range (before 2000, or further ahead than ingest.clock_tolerance), too_old (an event past '
'ingest.key_retention), bad_number (spo2 0 to 100, heart_rate 0 to 400), bad_data_source, bad_platform, '
'bad_external_id and bad_local_id (1 to 200 characters), bad_session, bad_payload (no object, or a reading that says '
'nothing), unknown_member (beside payload). Refused with p_strict: {"success": false, "error": {code, message, detail, '
'hint, status}, "received", "rejected", …}, where nothing is stored but a failed run of the source or a failed attempt '
'of the session; code SW502 where rows are rejected. Raised: SW001, SW002, 22004 (missing), 22023 (unknown kind or '
'platform, no array, p_source and p_session do not suit the kind), 22001 (a name too long), SW503 too large, and 40001 '
'or 40P01, to be sent again.';
revoke all on function syncwell.ingest_batch(text, json, text, text, uuid, text, text, boolean, boolean) from public;
grant execute on function syncwell.ingest_batch(text, json, text, text, uuid, text, text, boolean, boolean)
to syncwell_client, syncwell_worker;
