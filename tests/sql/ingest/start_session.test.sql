begin;
select plan(28);
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  perform set_config('syncwell.fake_now', '2026-03-01 12:00+00', true);
end $$;
create temp table one as
select s.* from syncwell.start_session('IHHT_1', '2026-03-01 11:30+00', p_data_source => 'bluetooth', p_expected => '{"reading": 10}', p_metadata => '{"a": 1}', p_device_id => 'phone', p_platform => 'android') as s;
select results_eq($$select created, status, sync_status from one$$, $$values (true, 'active', 'pending')$$, 'a session starts once');
select results_eq(
  $$select s.user_id, s.local_id, s.source, s.data_source, s.started_at, s.ended_at, s.expected, s.metadata, s.device_id, s.platform, s.sync_attempts, s.last_sync_at, s.created_at
    from syncwell.sync_sessions as s join one using (session_id)$$,
  $$values (test.id('a_member'), 'IHHT_1', 'sessions', 'bluetooth', timestamptz '2026-03-01 11:30+00', null::timestamptz, '{"reading": 10}'::jsonb, '{"a": 1}'::jsonb, 'phone', 'android', 0, null::timestamptz, timestamptz '2026-03-01 12:00+00')$$,
  'and keeps what is told of it');
select results_eq(
  $$select s.session_id, s.created from syncwell.start_session('IHHT_1', '2026-03-01 11:40+00', 'ihht', 'manual', '{"reading": 5, "survey_pre": 1}', '{"a": 2, "b": 3}', 'tablet', 'ios') as s$$,
  $$select session_id, false from one$$, 'told again it is the same');
select results_eq(
  $$select s.source, s.data_source, s.started_at, s.expected, s.metadata, s.device_id, s.platform from syncwell.sync_sessions as s join one using (session_id)$$,
  $$values ('ihht', 'bluetooth', timestamptz '2026-03-01 11:30+00', '{"reading": 10, "survey_pre": 1}'::jsonb, '{"a": 1, "b": 3}'::jsonb, 'phone', 'android')$$,
  'the earliest start, the most that is expected, and what was not known are taken');
select is((select s.session_id from one, lateral syncwell.start_session(one.session_id::text, '2026-03-01 11:00+00') as s), (select session_id from one), 'by its id here it is the same, too');
select is((select started_at from syncwell.sync_sessions join one using (session_id)), '2026-03-01 11:00+00', 'an earlier start counts');
create temp table before as select s.updated_at, s.ctid as place from syncwell.sync_sessions as s;
do $$ begin
  perform set_config('syncwell.fake_now', '2026-03-01 12:10+00', true);
  perform syncwell.start_session('IHHT_1', '2026-03-01 11:30+00');
end $$;
select results_eq($$select s.updated_at, s.ctid from syncwell.sync_sessions as s$$, $$select * from before$$, 'nothing new writes nothing');
do $$ begin perform syncwell.start_session('no time'); end $$;
select is((select started_at from syncwell.sync_sessions where local_id = 'no time'), '2026-03-01 12:10+00', 'without a time it starts now');

-- what came first
insert into syncwell.session_counts (org_id, session_id, kind, user_id, records, mock_records, late_records, first_at, last_at, first_received_at, last_received_at, has_session)
select test.org('a'), l.server_id, k.kind, test.id('a_member'), 3, 0, 0, '2026-03-01 10:00+00', '2026-03-01 10:30+00', '2026-03-01 12:05+00', '2026-03-01 12:07+00', false
from syncwell.resolve_local_id('session', 'early') as l, unnest('{reading,survey_pre}'::text[]) as k (kind);
select results_eq($$select created, sync_status from syncwell.start_session('early', p_expected => '{"reading": 4}')$$, $$values (true, 'syncing')$$, 'a session with records from before');
select is((select bool_and(has_session) from syncwell.session_counts), true, 'has them');
select results_eq($$select started_at, last_sync_at from syncwell.sync_sessions where local_id = 'early'$$, $$values (timestamptz '2026-03-01 10:00+00', timestamptz '2026-03-01 12:07+00')$$, 'and started with the first of them');
select results_eq($$select sync_status from syncwell.start_session('early', p_expected => '{"survey_pre": 1}')$$, $$values ('syncing')$$, 'something is missing');
update syncwell.session_counts set records = 4 where kind = 'reading';
select results_eq($$select sync_status from syncwell.start_session('early')$$, $$values ('completed')$$, 'and then all is here');

-- who may
select throws_ok($$select syncwell.start_session('x', p_user_id => test.id('a_other'))$$, 'SW002', null, 'a member records for itself only');
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('a'), null); end $$;
select throws_ok($$select syncwell.start_session('x')$$, '22004', null, 'a service says for whom');
select isnt((select session_id from syncwell.start_session('IHHT_1', p_user_id => test.id('a_other'))), (select session_id from one), 'another user''s session of that name is another one');
select isnt((select s.session_id from one, lateral syncwell.start_session(one.session_id::text, p_user_id => test.id('a_other')) as s), (select session_id from one), 'so is the name that looks like somebody else''s id');
do $$ begin perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member')); end $$;

-- what can not be
select throws_ok($$select syncwell.start_session(null)$$, '22004', null, 'no name');
select throws_ok($$select syncwell.start_session('')$$, '22023', null, 'an empty name');
select throws_ok($$select syncwell.start_session('x', '1999-12-31 00:00+00')$$, '22023', null, 'too long ago');
select throws_ok($$select syncwell.start_session('x', '2026-03-03 00:00+00')$$, '22023', null, 'too far ahead');
select throws_ok($$select syncwell.start_session('x', p_data_source => 'guess')$$, '22023', null, 'an unknown origin');
select throws_ok(format('select syncwell.start_session(%L, p_expected => %L)', 'x', e), '22023', null, 'expected: ' || e)
from unnest(array['{"reading": -1}', '{"steps": 1}']) as e;
select throws_ok($$select syncwell.start_session('x', p_metadata => '[]')$$, '22023', null, 'metadata are an object');
select throws_ok($$select syncwell.start_session('x', p_metadata => jsonb_build_object('a', repeat('x', 300000)))$$, 'SW503', null, 'and not too large');
do $$ begin perform syncwell.start_session('full', p_metadata => jsonb_build_object('a', repeat('x', 200000))); end $$;
select throws_ok($$select syncwell.start_session('full', p_metadata => jsonb_build_object('b', repeat('x', 200000)))$$, 'SW503', null, 'nor do they grow without end');
select throws_ok($$select syncwell.start_session('x', p_device_id => repeat('x', 256))$$, '22001', null, 'a device id has at most 255 characters');
select * from finish();
rollback;
