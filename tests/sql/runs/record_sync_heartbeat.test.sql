begin;
select plan(12);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create temp table run as select * from syncwell.record_sync_start('calls');
do $$ begin perform pg_temp.at('12:00:30'); end $$;
select is((select syncwell.record_sync_heartbeat(event_id, lease, 7) from run), '2026-11-21 12:02:00+00', 'alive for 90 seconds');
select results_eq('select heartbeat_at, items_processed, status from syncwell.sync_events',
  $$values (timestamptz '2026-11-21 12:00:30+00', 7::bigint, 'started')$$, 'the sign of life and the count');
do $$ begin perform pg_temp.at('12:00:40'), syncwell.set_setting('runs.heartbeat_timeout', '10 s', 'calls'); end $$;
select is((select syncwell.record_sync_heartbeat(event_id, lease) from run), '2026-11-21 12:00:50+00', 'by the setting of the source');
select results_eq('select heartbeat_at, items_processed from syncwell.sync_events',
  $$values (timestamptz '2026-11-21 12:00:40+00', 7::bigint)$$, 'no count leaves it');
select throws_ok('select syncwell.record_sync_heartbeat(event_id, event_id) from run', 'SW102', null, 'another lease');
select throws_ok('select syncwell.record_sync_heartbeat(lease, lease) from run', 'SW101', null, 'no such run');
select throws_ok('select syncwell.record_sync_heartbeat(null, lease) from run', '22004', null, 'no run');
select throws_ok('select syncwell.record_sync_heartbeat(event_id, null) from run', '22004', null, 'no lease');
select throws_ok('select syncwell.record_sync_heartbeat(event_id, lease, -1) from run', '22023', null, 'a negative count');
do $$ begin perform syncwell.record_sync_complete(event_id, lease) from run; end $$;
select is((select items_processed from syncwell.sync_events), 7::bigint, 'a completion without a count keeps that of the heartbeat');
select throws_ok('select syncwell.record_sync_heartbeat(event_id, lease) from run', 'SW103', null, 'a run that has ended');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select throws_ok('select syncwell.record_sync_heartbeat(event_id, lease) from run', 'SW101', null, 'a run of another org');

select * from finish();
rollback;
