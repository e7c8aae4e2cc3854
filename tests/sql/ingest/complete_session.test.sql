begin;
select plan(21);
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  perform set_config('syncwell.fake_now', '2026-03-01 12:00+00', true);
  perform syncwell.start_session('one', '2026-03-01 11:00+00');
  perform syncwell.ingest_batch('reading', '[{"occurred_at": "2026-03-01T11:01:00Z", "spo2": 97, "local_id": "r1"}, {"occurred_at": "2026-03-01T11:02:00Z", "spo2": 96}]', p_session => 'one');
end $$;
create temp table done as select syncwell.complete_session('one', p_expected => '{"reading": 3, "survey_post": 1}') as answer;
select results_eq(
  $$select answer -> 'success', answer -> 'complete', answer -> 'missing', answer -> 'stored', answer -> 'safely_stored', (answer ->> 'keep_until')::timestamptz, (answer ->> 'ended_at')::timestamptz from done$$,
  $$values ('true'::jsonb, 'false'::jsonb, '{"reading": {"expected": 3, "stored": 2}, "survey_post": {"expected": 1, "stored": 0}}'::jsonb, '{"reading": 2}'::jsonb, '["r1"]'::jsonb,
    timestamptz '2026-03-31 12:00+00', timestamptz '2026-03-01 11:02+00')$$, 'what is missing and what is safe; it ended at its last record');
select results_eq($$select status, sync_status, expected from syncwell.sync_sessions$$, $$values ('completed', 'syncing', '{"reading": 3, "survey_post": 1}'::jsonb)$$, 'it is over, but not all is here');
select is((syncwell.ingest_batch('reading', '[{"occurred_at": "2026-03-01T11:03:00Z", "spo2": 95}]', p_session => 'one') ->> 'inserted')::integer, 1, 'what is missing arrives');
select is((select sync_status from syncwell.sync_sessions), 'syncing', 'not yet all');
do $$ begin perform syncwell.ingest_batch('survey_post', '[{"occurred_at": "2026-03-01T11:04:00Z", "payload": {"mood": 5}}]', p_session => 'one'); end $$;
select is((select sync_status from syncwell.sync_sessions), 'completed', 'the last of it completes it');
select is(syncwell.complete_session('one') -> 'complete', 'true'::jsonb, 'told again: complete');
select is(syncwell.complete_session('one') -> 'safely_stored', '["one", "r1"]'::jsonb, 'and only then the session itself may be dropped');
select is((select ended_at from syncwell.sync_sessions), '2026-03-01 11:02+00', 'and it ended when it ended');
select is(syncwell.complete_session('one', '2026-03-01 11:05+00', '{"reading": 2}') ->> 'ended_at', '2026-03-01T11:05:00+00:00', 'unless another end is told');
select is((select expected from syncwell.sync_sessions), '{"reading": 2, "survey_post": 1}'::jsonb, 'or another number');
select is((select count(*) from syncwell.sync_events where source = 'sessions' and status = 'success'), 4::bigint, 'each is a run of the sessions'' source');

do $$ begin perform syncwell.start_session('empty', '2026-03-01 11:00+00'); end $$;
select is(syncwell.complete_session('empty') -> 'complete', 'true'::jsonb, 'nothing told, nothing missing');
select results_eq($$select status, sync_status, ended_at from syncwell.sync_sessions where local_id = 'empty'$$, $$values ('completed', 'completed', timestamptz '2026-03-01 12:00+00')$$, 'it ended now');
do $$ begin perform syncwell.start_session('late start'); perform syncwell.complete_session('late start', '2026-03-01 10:00+00'); end $$;
select results_eq($$select started_at, ended_at from syncwell.sync_sessions where local_id = 'late start'$$, $$values (timestamptz '2026-03-01 10:00+00', timestamptz '2026-03-01 10:00+00')$$, 'it began before it ended');
do $$ begin
  perform syncwell.ingest_batch('reading', '[{"occurred_at": "2026-03-01T11:01:00Z", "spo2": 97}]', p_session => 'lost start');
  perform syncwell.complete_session('lost start');
end $$;
select results_eq($$select status, started_at from syncwell.sync_sessions where local_id = 'lost start'$$, $$values ('completed', timestamptz '2026-03-01 11:01+00')$$, 'whose start was lost, it is there by its end');
select throws_ok($$select syncwell.complete_session('nobody knows')$$, 'SW501', null, 'an unknown session');
select throws_ok($$select syncwell.complete_session(null)$$, '22004', null, 'no session');
select throws_ok($$select syncwell.complete_session('one', '2030-01-01 00:00+00')$$, '22023', null, 'an end far ahead');
select throws_ok($$select syncwell.complete_session('one', p_expected => '[]')$$, '22023', null, 'expected is an object');
create temp table mine as select session_id from syncwell.sync_sessions where local_id = 'one';
do $$ begin perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_other')); end $$;
select throws_ok($$select syncwell.complete_session('one')$$, 'SW501', null, 'another user''s name');
select throws_ok($$select syncwell.complete_session(session_id::text) from mine$$, 'SW501', null, 'another user''s id');
select * from finish();
rollback;
