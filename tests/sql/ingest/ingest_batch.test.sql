begin;
select plan(78);
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  perform set_config('syncwell.fake_now', '2026-03-01 12:00+00', true);
end $$;
create function pg_temp.send(p_rows json, variadic p_keys text[] default '{inserted,duplicates,updated,rejected}')
returns text language sql as $$
  select string_agg(a.answer ->> k.key, ' ' order by k.at)
  from syncwell.ingest_batch('event', p_rows, 'calls') as a (answer), unnest(p_keys) with ordinality as k (key, at)
$$;

-- what is stored
select is(
  syncwell.ingest_batch('event', '[
    {"external_id": "c1", "occurred_at": "2026-03-01T11:30:00.123Z", "written_at": "2026-03-01T11:31:00+00:00",
     "platform": "ios", "data_source": "manual", "session": "S1", "payload": {"number": "+49", "seconds": 17}},
    {"external_id": 7, "occurred_at": 1772363400000, "number": "+1"},
    {"occurred_at": "2026-03-01T13:10:00+02:00", "number": "+2"}
  ]', 'calls', p_platform => 'android'),
  '{"success": true, "received": 3, "inserted": 3, "duplicates": 0, "updated": 0, "rejected": 0, "rejections": [],
    "rejected_by_reason": {}}',
  'a batch of events is taken');
select results_eq(
  $$select external_id, occurred_at, platform, data_source, payload, written_at, received_at, source, user_id, org_id
    from syncwell.data_events where external_id in ('c1', '7') order by external_id$$,
  $$values
    ('7', timestamptz '2026-03-01 11:10+00', 'android', null, '{"number": "+1"}'::jsonb, timestamptz '2026-03-01 12:00+00', timestamptz '2026-03-01 12:00+00', 'calls', test.id('a_member'), test.org('a')),
    ('c1', timestamptz '2026-03-01 11:30:00.123+00', 'ios', 'manual', '{"number": "+49", "seconds": 17}', timestamptz '2026-03-01 11:31+00', timestamptz '2026-03-01 12:00+00', 'calls', test.id('a_member'), test.org('a'))$$,
  'each with what it says; the other members are the payload, the platform of the batch where it names none');
select matches((select external_id from syncwell.data_events where payload = '{"number": "+2"}'), '^sha256:[0-9a-f]{64}$', 'an event without a name is named by time and payload');
select is((select e.session_id from syncwell.data_events as e where e.external_id = 'c1'), (select server_id from syncwell.local_ids where local_id = 'S1'), 'the session of an event may come later');
select is((select stream_id from syncwell.data_events where external_id = 'c1'), (select stream_id from syncwell.streams where source = 'calls'), 'the stream is made');
select results_eq($$select hour, events from syncwell.event_hours order by hour$$, $$values (timestamptz '2026-03-01 11:00+00', 3::bigint)$$, 'hours are counted');
select results_eq(
  $$select status, direction, items_created, items_updated, items_failed from syncwell.sync_events where source = 'calls'$$,
  $$values ('success', 'push', 3::bigint, 0::bigint, 0::bigint)$$, 'and a run is written');

-- resends
select is(pg_temp.send('[{"occurred_at": "2026-03-01T11:10:00.000Z", "number": "+2"}, {"external_id": "7", "occurred_at": 1772363400000.0, "payload": {"number": "+1"}}]'), '0 2 0 0', 'what was sent before changes nothing, however it is spelt');
select is((select count(*) from syncwell.data_events), 3::bigint, 'and adds nothing');
select is((select count(*) from syncwell.sync_events where items_created = 0 and status = 'success'), 1::bigint, 'a run in which nothing was new is a success');
select is(pg_temp.send('[{"external_id": "c1", "occurred_at": "2026-02-27T23:30:00Z", "written_at": "2026-03-01T11:32:00Z", "n": 2}]'), '0 0 1 0', 'a later version takes its place');
select results_eq(
  $$select occurred_at, payload, tableoid::regclass::text from syncwell.data_events where external_id = 'c1'$$,
  $$select timestamptz '2026-02-27 23:30+00', '{"n": 2}'::jsonb, tableoid::regclass::text from syncwell.data_events where occurred_at < '2026-03-01'$$, 'in another month, too');
select results_eq(
  $$select hour, events from syncwell.event_hours order by hour$$,
  $$values (timestamptz '2026-02-27 23:00+00', 1::bigint), (timestamptz '2026-03-01 11:00+00', 2::bigint)$$, 'and in another hour');
select is(pg_temp.send('[{"external_id": "c1", "occurred_at": "2026-03-01T11:30:00.123Z", "written_at": "2026-03-01T11:31:00Z", "n": 1}]'), '0 1 0 0', 'an older one does not');
select is(pg_temp.send('[{"external_id": "c1", "occurred_at": "2026-03-01T11:20:00Z", "n": 3}]'), '0 0 1 0', 'one of which nobody says when it was written was written when it arrived');
select is((select count(*) from syncwell.event_hours), 1::bigint, 'an hour without events has no row');
select is(pg_temp.send('[{"external_id": "twice", "occurred_at": "2026-03-01T11:00:00Z", "written_at": "2026-03-01T11:02:00Z", "n": 2}, {"external_id": "twice", "occurred_at": "2026-03-01T11:00:00Z", "written_at": "2026-03-01T11:01:00Z", "n": 1}, {"external_id": "twice", "occurred_at": "2026-03-01T11:00:00Z", "written_at": "2026-03-01T11:02:00Z", "n": 2}]'), '1 2 0 0', 'of several in a batch the one written last counts');
select is((select payload from syncwell.data_events where external_id = 'twice'), '{"n": 2}', 'whatever their order');

-- clocks
select is(pg_temp.send('[{"external_id": "fast", "occurred_at": "2026-03-01T12:09:00Z", "written_at": "2026-03-01T12:10:00Z", "n": 1}]', 'inserted', 'clock_skew_seconds'), '1 600.000', 'a clock that is fast is noticed');
select is((select written_at from syncwell.data_events where external_id = 'fast'), '2026-03-01 12:00+00', 'and counts as now');
select set_config('syncwell.fake_now', '2026-03-01 12:02+00', true);
select is(pg_temp.send('[{"external_id": "fast", "occurred_at": "2026-03-01T12:09:00Z", "written_at": "2026-03-01T12:12:00Z", "n": 2}]'), '0 0 1 0', 'its next version wins');
select is(pg_temp.send('[{"external_id": "fast", "occurred_at": "2026-03-01T12:09:00Z", "written_at": "2026-03-01T12:10:00Z", "n": 1}]'), '0 1 0 0', 'a resend of the first does not, while it is ahead');
select set_config('syncwell.fake_now', '2026-03-01 12:30+00', true);
select is(pg_temp.send('[{"external_id": "fast", "occurred_at": "2026-03-01T12:09:00Z", "written_at": "2026-03-01T12:10:00Z", "n": 1}]'), '0 1 0 0', 'nor when it no longer is');
select is(pg_temp.send('[{"external_id": "fast", "occurred_at": "2026-03-01T12:09:00Z", "written_at": "2026-03-01T12:05:00Z", "n": 3}]'), '0 0 1 0', 'a version of a clock that is right wins over one that was clamped');
select is(pg_temp.send('[{"external_id": "fast", "occurred_at": "2026-03-01T12:09:00Z", "written_at": "2026-03-01T12:05:00Z", "n": 4}]'), '0 0 1 0', 'of two written at the same time the one that came later counts');
select is(pg_temp.send('[{"external_id": "fast", "occurred_at": "2026-03-01T12:09:00Z", "written_at": "2026-03-01T12:05:00Z", "n": 3}]'), '0 1 0 0', 'and a resend of the other does not');

-- bad rows, each by its position
create temp table bad as select syncwell.ingest_batch('event', '[
  5, {"occurred_at": "2026-03-01T11:00:00Z", "ok": 1}, {}, {"occurred_at": null}, {"occurred_at": "yesterday"},
  {"occurred_at": "2026-03-01T11:00:00"}, {"occurred_at": true}, {"occurred_at": "0001-01-01T00:00:00Z"},
  {"occurred_at": "9999-12-31T23:59:59Z"}, {"occurred_at": 1e300}, {"occurred_at": "2026-02-30T00:00:00Z"},
  {"occurred_at": "2024-03-01T00:00:00Z"}, {"occurred_at": "2026-03-01T11:00:00Z", "data_source": "radio"},
  {"occurred_at": "2026-03-01T11:00:00Z", "platform": "toaster"},
  {"occurred_at": "2026-03-01T11:00:00Z", "external_id": ""},
  {"occurred_at": "2026-03-01T11:00:00Z", "external_id": 1.5},
  {"occurred_at": "2026-03-01T11:00:00Z", "payload": [1]},
  {"occurred_at": "2026-03-01T11:00:00Z", "payload": {}, "more": 1},
  {"occurred_at": "2026-03-01T11:00:00Z", "session": ""}, {"occurred_at": "2026-03-01T11:00:00Z", "n": 1e999999},
  {"occurred_at": "2026-03-01T11:00:00Z", "written_at": "soon"}, [], null,
  {"occurred_at": "2026-03-01T11:00:00Z", "text": "\u0000 and \ud800 and \ud83d\ude00 and \\u0000"}
]', 'calls') as answer;
select is(
  (select string_agg((r.row ->> 'position') || ' ' || (r.row ->> 'reason'), ', ' order by r.at) from bad, jsonb_array_elements(answer -> 'rejections') with ordinality as r (row, at)),
  '0 not_an_object, 2 missing_time, 3 missing_time, 4 bad_time, 5 bad_time, 6 bad_time, 7 time_out_of_range, 8 time_out_of_range, 9 time_out_of_range, 10 bad_time, 11 too_old, 12 bad_data_source, 13 bad_platform, 14 bad_external_id, 15 bad_external_id, 16 bad_payload, 17 unknown_member, 18 bad_session, 19 unreadable, 20 bad_time, 21 not_an_object, 22 not_an_object',
  'bad rows are named by position and reason');
select is((select answer ->> 'inserted' || ' ' || (answer ->> 'rejected') from bad), '2 22', 'the others are taken');
select is((select answer #>> '{rejected_by_reason,bad_time}' from bad), '5', 'reasons are counted');
select ok((select bool_and(length(r.row ->> 'detail') > 10) from bad, jsonb_array_elements(answer -> 'rejections') as r (row)), 'each says what is wrong');
select is((select payload ->> 'text' from syncwell.data_events where payload ? 'text'), U&'\FFFD and \FFFD and \+01F600 and \005Cu0000', 'what no text can hold is replaced');
select is((select count(*) from syncwell.sync_events where status = 'partial' and items_failed = 22 and items_created = 2), 1::bigint, 'the run was partial');
select is(
  (select string_agg(r.row ->> 'reason', ' ' order by r.at) from jsonb_array_elements(syncwell.ingest_batch('reading', '[
    {"occurred_at": "2026-03-01T11:00:00Z", "spo2": "NaN"}, {"occurred_at": "2026-03-01T11:00:00Z", "spo2": 101},
    {"occurred_at": "2026-03-01T11:00:00Z", "heart_rate": -1}, {"occurred_at": "2026-03-01T11:00:00Z", "heart_rate": "60"},
    {"occurred_at": "2026-03-01T11:00:00Z"}, {"occurred_at": "2026-03-01T11:00:00Z", "spo2": null},
    {"occurred_at": "2026-03-01T11:00:00Z", "spo2": 97, "local_id": {}}, {"occurred_at": "2026-03-01T11:00:01Z", "spo2": 1e-400},
    {"occurred_at": "2026-03-01T11:00:02Z", "spo2": 1e400}
  ]', p_session => 'bad') -> 'rejections') with ordinality as r (row, at)),
  'bad_number bad_number bad_number bad_number bad_payload bad_payload bad_local_id bad_number', 'numbers of readings are looked at');
select is((select spo2 from syncwell.session_records), 0.0::double precision, 'next to nothing is nothing');
select is(jsonb_array_length(syncwell.ingest_batch('event', (select json_agg(1) from generate_series(1, 150)), 'calls') -> 'rejections'), 100, 'the first 100 are named');
select is(pg_temp.send(json_build_array(json_build_object('occurred_at', '2026-03-01T11:00:00Z', 'text', repeat('x', 262144)), json_build_object('occurred_at', '2026-03-01T11:00:00Z', 'text', repeat('x', 262000)))), '1 0 0 1', 'a row that is too large does not sink the others');
select is(pg_temp.send('[]'), '0 0 0 0', 'an empty batch is one');

-- mock
create temp table runs as select count(*) as n from syncwell.sync_events;
select is(pg_temp.send('[{"external_id": "m", "occurred_at": "2025-12-01T11:00:00Z", "data_source": "mock"}]'), '1 0 0 0', 'what is made up is stored');
select is((select count(*) from syncwell.event_hours where hour < '2026-01-01'), 0::bigint, 'and not counted');
select is((select count(*) from syncwell.sync_events), (select n from runs), 'nor a run');
select is(pg_temp.send('[{"external_id": "m", "occurred_at": "2025-12-01T11:00:00Z", "data_source": "mock"}, {"occurred_at": "x", "data_source": "mock"}]'), '0 1 0 1', 'with one that is bad among it');
select is((select count(*) from syncwell.sync_events), (select n from runs), 'neither');
select is(pg_temp.send('[{"external_id": "m", "occurred_at": "2025-12-01T11:00:00Z"}]'), '0 0 1 0', 'what turns out to be real');
select is((select events from syncwell.event_hours where hour < '2026-01-01'), 1::bigint, 'counts from then on');
select is(pg_temp.send('[{"external_id": "m", "occurred_at": "2025-12-01T11:00:00Z", "data_source": "mock"}]'), '0 0 1 0', 'and what turns out to be made up');
select is((select count(*) from syncwell.event_hours where hour < '2026-01-01'), 0::bigint, 'does not any more');
select is(syncwell.ingest_batch('event', '[{"occurred_at": "2026-03-01T11:00:00Z", "n": 9}]', 'calls', p_record => false) ->> 'inserted', '1', 'a worker that tracks its own run');
select is((select count(*) from syncwell.sync_events) - (select n from runs), 1::bigint, 'writes no other: only the real version did');

-- session records
create temp table one as select * from syncwell.start_session('live', '2026-03-01 12:20+00');
select is(
  syncwell.ingest_batch('reading', '[
    {"occurred_at": "2026-03-01T12:29:58Z", "spo2": 97.3, "heart_rate": 60}, {"occurred_at": "2026-03-01T12:29:59Z", "spo2": 96.1, "local_id": "r2"},
    {"occurred_at": "2026-03-01T12:29:57Z", "spo2": 50, "data_source": "mock"}
  ]', p_session => 'live') - 'rejections' - 'rejected_by_reason',
  (select jsonb_build_object('success', true, 'received', 3, 'inserted', 3, 'duplicates', 0, 'updated', 0, 'rejected', 0, 'session_id', session_id) from one),
  'readings are taken by their session');
select results_eq(
  $$select records, mock_records, late_records, first_at, last_at, spo2_count, spo2_sum, spo2_min, spo2_max, heart_rate_count, heart_rate_sum, has_session from syncwell.session_counts join one using (session_id)$$,
  $$values (3::bigint, 1::bigint, 0::bigint, timestamptz '2026-03-01 12:29:57+00', timestamptz '2026-03-01 12:29:59+00', 2::bigint, 193.4, 96.1::float, 97.3::float, 1::bigint, 60.0, true)$$,
  'and counted with the batch');
select results_eq($$select s.sync_status, s.sync_attempts, s.last_sync_at from syncwell.sync_sessions as s join one using (session_id)$$, $$values ('syncing', 1, timestamptz '2026-03-01 12:30+00')$$, 'the session knows of it');
select is((syncwell.ingest_batch('reading', '[{"occurred_at": "2026-03-01T12:29:59Z", "spo2": 98.1, "local_id": "r2"}]', p_session => (select session_id::text from one)) ->> 'updated'), '1', 'a corrected reading takes its place');
select results_eq($$select records, spo2_sum, spo2_min, spo2_max from syncwell.session_counts join one using (session_id)$$, $$values (3::bigint, 195.4, 97.3::float, 98.1::float)$$, 'and lowest and highest are found anew');
select is((select count(*) from syncwell.session_records as r join one using (session_id) where r.id = syncwell._record_id(r.session_id, r.kind, r.occurred_at)), 3::bigint, 'ids are made of session, kind and time');
select is(syncwell._uuid7_time(syncwell._record_id(test.org('a'), 'reading', '2026-03-01 12:00:00.123456+00')), '2026-03-01 12:00:00.123+00', 'and tell the time');
select is(syncwell.ingest_batch('survey_pre', '[{"occurred_at": "2026-03-01T12:20:00Z", "mood": 5}]', p_session => 'live') ->> 'inserted', '1', 'kinds are kept apart');
select is((select late_records from syncwell.session_counts join one using (session_id) where kind = 'survey_pre'), 0::bigint, 'what happened before the session was known is not late by that');
select set_config('syncwell.fake_now', '2026-03-01 12:40+00', true);
select is(syncwell.ingest_batch('survey_post', '[{"occurred_at": "2026-03-01T12:30:00Z", "mood": 5}]', p_session => 'live') ->> 'inserted', '1', 'surveys that come ten minutes later');
select is((select late_records from syncwell.session_counts join one using (session_id) where kind = 'survey_post'), 1::bigint, 'are late');
select is((select count(*) from syncwell.sync_events where source = 'sessions'), 0::bigint, 'live batches write no runs');
select is((syncwell.ingest_batch('reading', '[{"occurred_at": "2026-03-01T12:00:00Z", "spo2": 97}]', p_session => 'orphan') ->> 'inserted'), '1', 'readings may come before their session');
select is((select has_session from syncwell.session_counts join syncwell.local_ids on server_id = session_id where local_id = 'orphan'), false, 'and wait for it');

-- all or nothing
create temp table refused as select syncwell.ingest_batch('reading', '[{"occurred_at": "2026-03-01T12:39:00Z", "spo2": 97}, {"occurred_at": "2026-03-01T12:39:01Z", "spo2": "?"}]', p_session => 'live', p_strict => true) as answer;
select is((select answer #>> '{error,code}' || ' ' || (answer ->> 'success') || ' ' || (answer #>> '{rejections,0,position}') || ' ' || (answer #>> '{error,status}') from refused), 'SW502 false 1 422', 'one bad row refuses the batch where it is strict');
select is(current_setting('response.status'), '422', 'PostgREST answers with the status');
select results_eq($$select s.sync_status, s.sync_attempts, s.last_error_code, s.last_error is not null from syncwell.sync_sessions as s join one using (session_id)$$, $$values ('failed', 5, 'SW502', true)$$, 'the session remembers');
select is((select records from syncwell.session_counts join one using (session_id) where kind = 'reading'), 3::bigint, 'nothing of it is stored');
select is((syncwell.ingest_batch('event', '[{"occurred_at": "2026-03-01T11:00:00Z", "n": "strict"}, 1]', 'mails', p_strict => true) #>> '{error,code}'), 'SW502', 'so with events');
select results_eq($$select status, error_code from syncwell.sync_events where source = 'mails'$$, $$values ('failed', 'SW502')$$, 'of which a failed run stays');
select is((syncwell.ingest_batch('reading', '[{"occurred_at": "2026-03-01T12:39:00Z", "spo2": 97}]', p_session => 'live', p_strict => true) ->> 'inserted'), '1', 'a good strict batch is taken');
select results_eq($$select s.sync_status, s.last_error_code from syncwell.sync_sessions as s join one using (session_id)$$, $$values ('syncing', null::text)$$, 'and the failure is over');

-- more versions of one than are looked at closely, the newest first, in the middle or last
create function pg_temp.versions(p_newest integer, p_name text) returns json language sql as $$
  select json_agg(json_build_object(
    'external_id', p_name, 'occurred_at', '2026-03-01T10:00:00Z', 'heart_rate', n,
    'written_at', '2026-03-01T10:30:' || lpad(((n + 39 - p_newest) % 40)::text, 2, '0') || 'Z'
  ) order by n)
  from generate_series(1, 40) as n
$$;
select is(
  (select string_agg(syncwell.ingest_batch('event', pg_temp.versions(n, 'many ' || n), 'calls') ->> 'inserted', ' ') from unnest(array[1, 20, 40]) as n),
  '1 1 1', 'of forty versions one is stored');
select results_eq(
  $$select (payload ->> 'heart_rate')::integer from syncwell.data_events where external_id like 'many %' order by 1$$,
  $$values (1), (20), (40)$$, 'the newest, wherever it stands');
select syncwell.ingest_batch('reading', (select json_agg(r.value::jsonb - 'external_id') from json_array_elements(pg_temp.versions(n, '')) as r), p_session => 'many ' || n)
from unnest(array[1, 20, 40]) as n;
select results_eq(
  $$select r.heart_rate::integer from syncwell.session_records as r inner join syncwell.local_ids as l on l.server_id = r.session_id where l.local_id like 'many %' order by 1$$, $$values (1), (20), (40)$$, 'and of readings');

-- arguments
select throws_ok($$select syncwell.ingest_batch('event', '{}', 'calls')$$, '22023');
select throws_ok($$select syncwell.ingest_batch('event', '[]', p_session => 'x')$$, '22023');
select throws_ok($$select syncwell.ingest_batch('nothing', '[]', 'calls')$$, '22023');
select throws_ok($$select syncwell.ingest_batch('event', '[]')$$, '22004');
select set_config('x.y', syncwell.set_setting('ingest.max_rows', '2')::text, true);
select throws_ok($$select syncwell.ingest_batch('event', '[1, 2, 3]', 'calls')$$, 'SW503');
select * from finish();
rollback;
