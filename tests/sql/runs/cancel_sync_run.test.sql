begin;
select plan(16);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

do $$ begin perform syncwell.register_stream('calls', p_expected_interval => '1 hour'); end $$;
do $$ begin update syncwell.sync_state set consecutive_failures = 3, is_healthy = false, recent_outcomes = b'1000', health_check_at = '2026-11-21 11:00+00'; end $$;
create temp table run as select * from syncwell.record_sync_start('calls');
do $$ begin perform pg_temp.at('12:00:05'); end $$;
select is((select syncwell.cancel_sync_run(event_id) from run), true, 'called off, without a lease');
select results_eq('select status, completed_at, duration_ms from syncwell.sync_events',
  $$values ('cancelled', timestamptz '2026-11-21 12:00:05+00', 5000::bigint)$$, 'the run');
select results_eq(
  'select last_status, last_run_at, last_successful_sync, last_failed_sync, consecutive_failures, is_healthy, health_check_at, recent_outcomes::text, total_runs, next_sync_at from syncwell.sync_state',
  $$values ('cancelled', timestamptz '2026-11-21 12:00:05+00', null::timestamptz, null::timestamptz, 3, false, timestamptz '2026-11-21 11:00+00', '1000', 1::bigint, timestamptz '2026-11-21 13:00:05+00')$$,
  'neither success nor failure'
);
select is((select count(*) from syncwell.source_attempts), 0::bigint, 'no run of the source');
select is((select syncwell.cancel_sync_run(event_id) from run), false, 'twice changes nothing');
select is((select total_runs from syncwell.sync_state), 1::bigint, 'and counts once');
select throws_ok('select syncwell.record_sync_heartbeat(event_id, lease) from run', 'SW103', null, 'its worker learns of it');
select throws_ok('select syncwell.record_sync_complete(event_id, lease) from run', 'SW103', null, 'at the end at the latest');
create temp table done as select * from syncwell.record_sync_start('calls');
do $$ begin perform syncwell.record_sync_complete(event_id, lease) from done; end $$;
select throws_ok('select syncwell.cancel_sync_run(event_id) from done', 'SW103', null, 'what has ended is not called off');
select throws_ok('select syncwell.cancel_sync_run(null)', '22004', null, 'no run');
select throws_ok('select syncwell.cancel_sync_run(test.id(''x''))', 'SW101', null, 'an unknown one');
create temp table others as select * from syncwell.record_sync_start('calls', p_user_id => test.id('a_other'));
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select throws_ok('select syncwell.cancel_sync_run(event_id) from others', 'SW101', 'unknown run', 'one of another member');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select throws_ok('select syncwell.cancel_sync_run(event_id) from others', 'SW101', 'unknown run', 'one of another org');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select throws_ok('select syncwell.cancel_sync_run(event_id) from others', 'SW101', 'unknown run', 'an analyst sees it, but does not call it off');
select throws_ok('select syncwell.record_sync_heartbeat(event_id, lease) from others', 'SW101', 'unknown run', 'and is not its worker');
do $$ begin perform syncwell.act_as(test.id('a_admin')); end $$;
select lives_ok('select syncwell.cancel_sync_run(event_id) from others', 'an admin does');

select * from finish();
rollback;
