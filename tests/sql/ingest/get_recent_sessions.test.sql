begin;
select plan(17);
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  perform set_config('syncwell.fake_now', '2026-03-01 12:00+00', true);
  perform syncwell.sync_session('{"local_id": "one", "source": "ihht", "started_at": "2026-02-28T23:59:00Z", "ended_at": "2026-03-01T00:29:00Z", "expected": {"reading": 4},
    "readings": [
      {"occurred_at": "2026-02-28T23:59:30Z", "spo2": 97, "heart_rate": 60}, {"occurred_at": "2026-03-01T00:00:30Z", "spo2": 92, "heart_rate": 80},
      {"occurred_at": "2026-03-01T00:01:30Z", "spo2": 50, "heart_rate": 200, "data_source": "mock"}],
    "survey_pre": [{"occurred_at": "2026-02-28T23:59:00Z", "payload": {"mood": 1}}, {"occurred_at": "2026-02-28T23:59:10Z", "payload": {"mood": 2}}],
    "survey_inter": [{"occurred_at": "2026-03-01T00:10:00Z", "payload": {"n": 2}}, {"occurred_at": "2026-02-28T23:59:50Z", "payload": {"n": 1}}],
    "progression": [{"occurred_at": "2026-03-01T00:10:00Z", "payload": {"level": 3}}]}');
  perform syncwell.start_session('two', '2026-03-01 10:00+00');
  perform syncwell.sync_session('{"local_id": "made up", "data_source": "mock", "started_at": "2026-03-01T11:00:00Z", "readings": [{"occurred_at": "2026-03-01T11:01:00Z", "spo2": 80}]}');
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_other'));
  perform syncwell.start_session('other', '2026-03-01 09:00+00');
  perform syncwell.bind_login(session_user, 'user', test.org('b'), test.id('b_member'));
  perform syncwell.start_session('foreign', '2026-03-01 11:00+00');
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
end $$;
select results_eq($$select local_id from syncwell.get_recent_sessions()$$, $$values ('two'), ('one')$$, 'the newest first, without what is made up');
select results_eq(
  $$select s.source, s.status, s.sync_status, s.duration_seconds, s.records, s.missing from syncwell.get_recent_sessions() as s where local_id = 'one'$$,
  $$values ('ihht', 'completed', 'syncing', 1800::numeric, '{"reading": 2, "survey_pre": 2, "survey_inter": 2, "progression": 1}'::jsonb, '{"reading": {"stored": 3, "expected": 4}}'::jsonb)$$, 'how it stands');
select results_eq(
  $$select average_spo2, minimum_spo2, maximum_spo2, average_heart_rate, minimum_heart_rate, maximum_heart_rate from syncwell.get_recent_sessions() where local_id = 'one'$$,
  $$values (94.5::double precision, 92::double precision, 97::double precision, 70::double precision, 60::double precision, 80::double precision)$$, 'its summary, over the turn of a month, without what is made up');
select results_eq(
  $$select survey_pre, surveys_inter, survey_post, progression from syncwell.get_recent_sessions() where local_id = 'one'$$,
  $$values ('{"mood": 2}'::jsonb, '[{"n": 1}, {"n": 2}]'::jsonb, null::jsonb, '[{"level": 3}]'::jsonb)$$, 'its surveys: the last answer, and those between by time');
select results_eq(
  $$select duration_seconds, records, average_spo2, survey_pre, surveys_inter, progression, missing from syncwell.get_recent_sessions() where local_id = 'two'$$,
  $$values (null::numeric, '{}'::jsonb, null::double precision, null::jsonb, '[]'::jsonb, '[]'::jsonb, '{}'::jsonb)$$, 'of an empty one nothing is known');
select results_eq($$select local_id from syncwell.get_recent_sessions(p_limit => 1)$$, $$values ('two')$$, 'as many as were asked for');
select results_eq($$select local_id, average_spo2 from syncwell.get_recent_sessions(p_include_mock => true)$$,
  $$values ('made up', 80::double precision), ('two', null), ('one', (97 + 92 + 50)::double precision / 3)$$, 'made-up ones where they are asked for');
select is((select records ->> 'reading' from syncwell.get_recent_sessions(p_include_mock => true) where local_id = 'one'), '3', 'and their number');
select throws_ok($$select * from syncwell.get_recent_sessions(test.id('a_other'))$$, 'SW002', null, 'a member asks for itself');
select throws_ok($$select * from syncwell.get_recent_sessions(p_limit => 0)$$, '22023', null, 'at least one');
select throws_ok($$select * from syncwell.get_recent_sessions(p_limit => null)$$, '22004', null, 'a limit');
do $$ begin perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_analyst')); end $$;
select results_eq($$select local_id from syncwell.get_recent_sessions()$$, $$values ('two'), ('other'), ('one')$$, 'an analyst sees the org');
select results_eq($$select local_id from syncwell.get_recent_sessions(test.id('a_other'))$$, $$values ('other')$$, 'or one of its users');
select is((select count(*) from syncwell.access_log where function_name = 'get_recent_sessions' and subject = test.id('a_other')), 1::bigint, 'which is written down');
select throws_ok($$select * from syncwell.get_recent_sessions(test.id('b_member'))$$, 'SW002', null, 'but not those of another org');

-- the same answer whatever comes first: corrected, and by its counts alone
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  perform set_config('syncwell.fake_now', '2026-03-01 13:00+00', true);
  perform syncwell.ingest_batch('reading', '[{"occurred_at": "2026-03-01T00:00:30Z", "spo2": 90, "heart_rate": 70}]', p_session => 'one');
end $$;
select results_eq($$select average_spo2, minimum_spo2, average_heart_rate, maximum_heart_rate from syncwell.get_recent_sessions() where local_id = 'one'$$,
  $$values (93.5::double precision, 90::double precision, 65::double precision, 70::double precision)$$, 'a corrected reading');
select is((select count(*) from syncwell.get_recent_sessions() where started_at < ended_at), 1::bigint, 'active ones have no end');
select * from finish();
rollback;
