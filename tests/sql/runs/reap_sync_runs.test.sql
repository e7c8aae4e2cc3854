begin;
select plan(25);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

do $$ begin perform syncwell.register_stream('brief', p_max_runtime => '10 min'); end $$;
create temp table brief as select * from syncwell.record_sync_start('brief');
create temp table silent as select * from syncwell.record_sync_start('calls');
create temp table quiet as select * from syncwell.record_sync_start('quiet', p_user_id => test.id('a_member'));
do $$ begin perform syncwell.record_sync_heartbeat(event_id, lease, 3) from silent; end $$;
do $$ begin perform pg_temp.at('12:01:29'); end $$;
select is((select count(*) from syncwell.reap_sync_runs()), 0::bigint, 'in time');
do $$ begin perform pg_temp.at('12:01:30'); end $$;
create temp table reaped as select * from syncwell.reap_sync_runs();
select results_eq('select org_id, user_id, event_id, stream_id, source, reason, started_at from reaped',
  $$select test.org('a'), null::uuid, event_id, stream_id, 'calls', 'no_heartbeat', started_at from silent$$, 'silent for 90 seconds');
select results_eq(
  'select e.status, e.lease <> s.lease, completed_at, duration_ms, items_processed, error_type, error_message from syncwell.sync_events as e join silent as s on s.event_id = e.id',
  $$values ('timeout', true, timestamptz '2026-11-21 12:01:30+00', 90000::bigint, 3::bigint, 'TIMEOUT', 'no heartbeat for 00:01:30')$$, 'ended as timeout, with another lease'
);
select results_eq('select t.last_status, t.consecutive_failures, t.last_failed_sync, t.recent_outcomes::text from syncwell.sync_state as t join silent using (stream_id)',
  $$values ('timeout', 1, timestamptz '2026-11-21 12:01:30+00', '0')$$, 'counts as a failure');
select results_eq('select source, error_type, error_class, error_code, lane, reason, retry_count, next_retry_at, event_id = (select event_id from silent) from syncwell.sync_errors',
  $$values ('calls', 'TIMEOUT', 'transient', null::text, 'fast', 'retry', 1, timestamptz '2026-11-21 12:01:31+00', true)$$, 'and is retried');
select results_eq('select runs, failures, retries from syncwell.source_attempts', 'values (1::bigint, 1::bigint, 1::bigint)', 'counted for the source');
select throws_ok('select syncwell.record_sync_complete(event_id, lease) from silent', 'SW102', null, 'the late worker is refused');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''x'') from silent', 'SW102', null, 'with an error, too');
select throws_ok('select syncwell.record_sync_heartbeat(event_id, lease) from silent', 'SW102', null, 'and with a sign of life');
select is((select count(*) from syncwell.reap_sync_runs()), 0::bigint, 'once');
do $$ begin perform pg_temp.at('12:10'); end $$;
select results_eq('select source, reason from syncwell.reap_sync_runs()', $$values ('brief', 'over_max_runtime')$$, 'longer than its stream allows');
select is((select error_message from syncwell.sync_errors where source = 'brief'), 'no end within 00:10:00', 'says so');
do $$ begin perform set_config('syncwell.fake_now', '2026-11-22 11:59:59+00', true); end $$;
select is((select count(*) from syncwell.reap_sync_runs()), 0::bigint, 'no heartbeat at all: a day');
do $$ begin perform set_config('syncwell.fake_now', '2026-11-22 12:00+00', true); end $$;
select results_eq('select source, reason, user_id from syncwell.reap_sync_runs()', $$values ('quiet', 'over_max_runtime', test.id('a_member'))$$, 'then it is over');

-- settings of the source, and the limit
do $$ begin
  perform syncwell.set_setting('runs.max_runtime', '1 min', 'short'), syncwell.record_sync_start('short'), syncwell.record_sync_start('short'), syncwell.record_sync_start('other');
  perform set_config('syncwell.fake_now', '2026-11-22 12:01+00', true);
end $$;
select is((select count(*) from syncwell.reap_sync_runs(1)), 1::bigint, 'so many at a time');
select is((select count(*) from syncwell.reap_sync_runs()), 1::bigint, 'the setting of the source');
select throws_ok('select syncwell.reap_sync_runs(0)', '22023', null, 'no limit');
select throws_ok('select syncwell.reap_sync_runs(null)', '22004', null, 'an unknown one');

-- whose
do $$ begin perform syncwell.record_sync_start('short'); end $$;
do $$ begin perform syncwell.act_as_org(test.org('b')), syncwell.record_sync_start('short'), set_config('syncwell.fake_now', '2026-11-22 13:00+00', true); end $$;
select results_eq('select org_id from syncwell.reap_sync_runs()', 'values (test.org(''b''))', 'an org has its own');
do $$ begin perform syncwell.record_sync_start('short'), set_config('syncwell.fake_now', '2026-11-22 14:00+00', true);
  perform set_config('syncwell.org_id', '', true); end $$;
select is((select count(distinct org_id) from syncwell.reap_sync_runs()), 2::bigint, 'a gateway that acts for nobody has all');
do $$ begin perform syncwell.act_as_org(test.org('a')), syncwell.record_sync_start('short'), set_config('syncwell.fake_now', '2026-11-22 15:00+00', true); end $$;
select is(syncwell._reap_runs_task(), 1::bigint, 'so has maintenance');
set session authorization nobody_login;
select throws_ok('select syncwell.reap_sync_runs()', 'SW001', null, 'nobody has none');
reset session authorization;
do $$ begin
  perform syncwell.act_as_org(test.org('a'));
  perform syncwell.record_sync_start('own', p_user_id => test.id('a_member')), syncwell.record_sync_start('short');
  perform syncwell.record_sync_start('own', p_user_id => test.id('a_other'));
  perform set_config('syncwell.fake_now', '2026-11-24 15:00+00', true), syncwell.act_as(test.id('a_analyst'));
end $$;
select is((select count(*) from syncwell.reap_sync_runs()), 0::bigint, 'an analyst has nobody else''s');
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select results_eq('select user_id from syncwell.reap_sync_runs()', 'values (test.id(''a_member''))', 'a member has its own');
do $$ begin perform syncwell.act_as_org(test.org('a')); end $$;
select results_eq('select user_id from syncwell.reap_sync_runs() where source = ''own''', 'values (test.id(''a_other''))', 'a service has the rest');

select * from finish();
rollback;
