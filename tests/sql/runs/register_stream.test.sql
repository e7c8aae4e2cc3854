begin;
select plan(26);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;

create temp table made as
select syncwell.register_stream(
  'calls', p_expected_interval => '1 hour', p_platform => 'server', p_max_runtime => '10 minutes', p_slo => 0.99
) as id;
select results_eq(
  $$select user_id, source, expected_interval, platform, max_runtime, slo, registered_at from syncwell.streams where source = 'calls'$$,
  $$values (null::uuid, 'calls', interval '1 hour', 'server', interval '10 minutes', 0.99, timestamptz '2026-11-21 12:00+00')$$,
  'declares the stream'
);
select results_eq(
  $$select expected_interval, next_sync_at, is_healthy, total_runs, items_in_database, last_status from syncwell.sync_state$$,
  $$values (interval '1 hour', timestamptz '2026-11-21 13:00+00', true, 0::bigint, null::bigint, null::text)$$,
  'and its state'
);
do $$ begin perform set_config('syncwell.fake_now', '2026-11-21 12:30+00', true); end $$;
select is(
  syncwell.register_stream(
    'calls', p_expected_interval => '1 hour', p_platform => 'server', p_max_runtime => '10 minutes', p_slo => 0.99
  ),
  (select id from made), 'again: the same stream'
);
select results_eq(
  'select registered_at, next_sync_at from syncwell.streams join syncwell.sync_state using (org_id, stream_id)',
  $$values (timestamptz '2026-11-21 12:00+00', timestamptz '2026-11-21 13:00+00')$$, 'unchanged'
);
select is(
  syncwell.register_stream(
    'calls', p_cron => '30 8 * * mon-fri', p_time_zone => 'America/New_York', p_active_hours => 'Mon-Fri 08:00-18:00'
  ),
  (select id from made), 'another declaration'
);
select results_eq(
  'select expected_interval, cron, time_zone, active_hours, platform, max_runtime, slo from syncwell.streams',
  $$values (null::interval, '30 8 * * mon-fri', 'America/New_York', 'Mon-Fri 08:00-18:00', null::text, null::interval, null::numeric)$$,
  'replaces all of the old one'
);
select is((select next_sync_at from syncwell.sync_state), '2026-11-23 13:30+00', 'next by cron in its time zone');
select isnt(syncwell.register_stream('calls', test.id('a_member')), (select id from made), 'a user''s stream is another one');
select is(syncwell.unregister_stream('calls'), true, 'retired');
select is(syncwell.register_stream('calls', p_expected_interval => '1 day'), (select id from made), 'registering brings it back');
select is((select retired_at from syncwell.streams where user_id is null), null, 'alive');

select throws_ok($$select syncwell.register_stream(null)$$, '22004', null, 'no source');
select throws_ok($$select syncwell.register_stream('a b')$$, '22023', null, 'a bad source');
select throws_ok($$select syncwell.register_stream('x', p_expected_interval => '0')$$, '22023', null, 'no interval');
select throws_ok($$select syncwell.register_stream('x', p_expected_interval => '11 years')$$, '22023', null, 'too long an interval');
select throws_ok($$select syncwell.register_stream('x', p_max_runtime => '-1 s')$$, '22023', null, 'a negative runtime');
select throws_ok($$select syncwell.register_stream('x', p_slo => 1)$$, '22023', null, 'an impossible objective');
select throws_ok($$select syncwell.register_stream('x', p_slo => 'NaN')$$, '22023', null, 'an objective that is no number');
select throws_ok($$select syncwell.register_stream('x', p_platform => 'amiga')$$, '22023', null, 'an unknown platform');
select throws_ok($$select syncwell.register_stream('x', p_time_zone => 'Mars/Phobos')$$, '22023', null, 'an unknown time zone');
select throws_ok($$select syncwell.register_stream('x', p_cron => '0 0 30 2 *')$$, '22023', 'this schedule never fires', 'a day that does not exist');
select throws_ok($$select syncwell.register_stream('x', p_cron => repeat('*', 1001))$$, '22001', null, 'too long a schedule');
select throws_ok(
  format('select syncwell.register_stream(''x'', %L)', test.id('b_member')), 'SW002', 'unknown user', 'a user of another org'
);
select is((select count(*) from syncwell.streams where source = 'x'), 0::bigint, 'a refusal writes nothing');
-- from the evening before a day of 23 hours in Berlin
do $$ begin
  perform set_config('syncwell.fake_now', '2027-03-27 20:00+00', true), set_config('timezone', 'Europe/Berlin', true);
  perform syncwell.register_stream('daily', p_expected_interval => '1 day');
end $$;
select is((select next_sync_at from syncwell.sync_state join syncwell.streams using (org_id, stream_id) where source = 'daily'),
  timestamptz '2027-03-28 20:00+00', 'a day is 24 hours in every session');
do $$ begin perform syncwell.record_sync_complete(event_id, lease) from syncwell.record_sync_start('daily'); end $$;
select is((select next_sync_at from syncwell.sync_state join syncwell.streams using (org_id, stream_id) where source = 'daily'),
  timestamptz '2027-03-28 20:00+00', 'at the end of a run, too');

select * from finish();
rollback;
