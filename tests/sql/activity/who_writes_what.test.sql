begin;
select plan(28);
-- One line a test: what happened, and the entries that it left.
create function pg_temp.entries(p_sync_id text) returns setof text language sql as $$
  select concat_ws(' ', a.action, a.status, a.record_count, a.duration_seconds, a.error_message)
  from syncwell.sync_activity_log as a where a.org_id = test.org('a') and a.sync_id = p_sync_id order by a.created_at $$;
create temp table run (name text primary key, event_id uuid, lease uuid);
grant all on run to public;
set local syncwell.fake_now = '2026-03-10 12:00+00';
do $$ begin
  perform syncwell.bind_login(session_user, 'service', test.org('a'), null);
  perform syncwell.register_stream('hourly', p_expected_interval => '1 hour');
  perform syncwell.register_stream('nightly', p_cron => '0 3 * * *');
end $$;

-- what starts a run
insert into run select 'plain', s.event_id, s.lease from syncwell.record_sync_start('plain') as s;
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'plain'$$, $$values ('sync_start in_progress')$$, 'a run of a stream without a schedule');
insert into run select 'hourly', s.event_id, s.lease from syncwell.record_sync_start('hourly') as s;
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'hourly'$$, $$values ('scheduled_run in_progress')$$, 'a run of a stream with an expected interval');
insert into run select 'nightly', s.event_id, s.lease from syncwell.record_sync_start('nightly', 'full') as s;
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'nightly'$$, $$values ('scheduled_run in_progress')$$, 'a run of a stream with cron');
insert into run select 'manual', s.event_id, s.lease from syncwell.record_sync_start('hourly', 'manual') as s;
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'manual'$$, $$values ('manual_trigger in_progress')$$, 'a run by hand, schedule or not');
insert into run select 'webhook', s.event_id, s.lease from syncwell.record_sync_start('hourly', 'webhook') as s;
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'webhook'$$, $$values ('sync_start in_progress')$$, 'a webhook comes when it comes');

-- how it ends; a heartbeat and a second call add nothing
set local syncwell.fake_now = '2026-03-10 12:00:01.5+00';
do $$ begin
  perform syncwell.record_sync_heartbeat(r.event_id, r.lease, 1) from run as r;
  perform syncwell.record_sync_complete(r.event_id, r.lease, 7) from run as r where r.name in ('plain', 'hourly');
  perform syncwell.record_sync_complete(r.event_id, r.lease, 7) from run as r where r.name = 'plain';
  perform syncwell.record_sync_complete(r.event_id, r.lease, 7, p_items_failed => 2) from run as r where r.name = 'manual';
  perform syncwell.record_sync_error(r.event_id, r.lease, 'no route, password=hunter2', 'EHOSTUNREACH') from run as r where r.name = 'nightly';
  perform syncwell.cancel_sync_run(r.event_id) from run as r where r.name = 'webhook';
  perform syncwell.cancel_sync_run(r.event_id) from run as r where r.name = 'webhook';
end $$;
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'plain'$$, $$values ('sync_start in_progress'), ('sync_complete completed 7 1.500')$$, 'success: completed, with records and seconds');
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'hourly'$$, $$values ('scheduled_run in_progress'), ('sync_complete completed 7 1.500')$$, 'whatever started it');
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'manual'$$, $$values ('manual_trigger in_progress'), ('sync_complete completed_with_errors 7 1.500')$$, 'partial: completed_with_errors');
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'nightly'$$, $$values ('scheduled_run in_progress'), ('sync_complete failed 1 1.500 no route, password=***')$$, 'failed, its message without secrets');
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'webhook'$$, $$values ('sync_start in_progress'), ('sync_complete cancelled 1 1.500')$$, 'cancelled, once');

-- a retry, and the reaper
insert into run select 'retry', s.event_id, s.lease from syncwell.sync_errors as e, lateral syncwell.record_sync_start('nightly', p_retry_of => e.id) as s where e.source = 'nightly';
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'retry'$$, $$values ('error_recovery in_progress')$$, 'a retry');
insert into run select 'again', s.event_id, s.lease from syncwell.create_sync_error('told', 'x') as e, lateral syncwell.record_sync_start('told', p_retry_of => e) as s;
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'again'$$, $$values ('error_recovery in_progress')$$, 'also of an error that no run had');
set local syncwell.fake_now = '2026-03-12 12:00:01.5+00';
select is((select count(*) from syncwell.reap_sync_runs()), 2::bigint, 'runs that never ended');
select is((select count(*) from syncwell.reap_sync_runs()), 0::bigint, 'are ended once');
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'retry'$$,
  $$values ('error_recovery in_progress'), ('sync_complete timeout 172800.000 no end within 24:00:00')$$, 'timeout');

-- one start by one key
insert into run select 'key', s.event_id, s.lease from syncwell.record_sync_start('plain', p_run_key => 'k') as s;
select is((select is_new from syncwell.record_sync_start('plain', p_run_key => 'k')), false, 'the same run again');
select is((select count(*) from pg_temp.entries((select event_id::text from run where name = 'key'))), 1::bigint, 'leaves no second entry');

-- what is written when it is over: a device's push and pull
create temp table noted as select
  syncwell._record_run(test.org('a'), test.id('a_member'), 'app', 'push', 'incremental', '2026-03-12 12:00:00.5+00', 1, 2, 0, null, 10) as push,
  syncwell._record_run(test.org('a'), test.id('a_member'), 'app', 'push', 'incremental', '2026-03-12 12:00:00.5+00', null, null, null, null, 10, 'SW304', 'in conflict') as refused,
  syncwell._record_run(test.org('a'), test.id('a_member'), 'app', 'pull', 'full', '2026-03-12 12:00:01.5+00', 3, 0, 0, null, 10) as pull;
select results_eq($$select pg_temp.entries(push::text) from noted$$, $$values ('batch_process in_progress'), ('sync_complete completed 3 1.000')$$, 'a push');
select results_eq($$select pg_temp.entries(refused::text) from noted$$, $$values ('batch_process in_progress'), ('sync_complete failed 1.000 in conflict')$$, 'a push that is refused: not a retry, though it has an error');
select results_eq($$select pg_temp.entries(pull::text) from noted$$, $$values ('sync_start in_progress'), ('sync_complete completed 3 0.000')$$, 'a pull; its end follows its start, though it took no time');
select is((select array_agg(distinct user_id) from syncwell.sync_activity_log where sync_id in (select push::text from noted)), array[test.id('a_member')], 'the user''s');

-- everything has a start and an end, but what runs
select is_empty($$
  select e.id from syncwell.sync_events as e
  left join syncwell.sync_activity_log as a on a.org_id = e.org_id and a.sync_id = e.id::text
  group by e.org_id, e.id, e.status
  having count(*) filter (where a.action <> 'sync_complete') <> 1
    or count(*) filter (where a.action = 'sync_complete') <> (e.status <> 'started')::integer $$, 'each run has one start, and one end if it ended');

-- bulk
insert into syncwell.sync_events (org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms, lease)
select e.org_id, syncwell._uuid7('2026-03-01'::timestamptz + n * interval '1 min'), e.stream_id, null, 'bulk', 'full', 'success', '2026-03-01'::timestamptz + n * interval '1 min', '2026-03-02', 5, e.lease
from generate_series(1, 50) as n, (select * from syncwell.sync_events limit 1) as e;
select is((select count(*) from syncwell.sync_activity_log as a join syncwell.sync_events as e on a.org_id = e.org_id and a.sync_id = e.id::text where e.source = 'bulk'), 100::bigint, 'runs that are loaded in bulk');
select is((select min(created_at) from syncwell.sync_activity_log), '2026-03-01 00:01+00'::timestamptz, 'at the time they were');

-- switched off, by source
do $$ begin perform syncwell.set_setting('activity.log_runs', 'off', 'quiet', p_org_id => test.org('a')); end $$;
insert into run select 'quiet', s.event_id, s.lease from syncwell.record_sync_start('quiet') as s;
do $$ begin
  perform syncwell.record_sync_complete(r.event_id, r.lease, 7) from run as r where r.name = 'quiet';
  perform syncwell._record_run(test.org('a'), null, 'quiet', null, 'full', '2026-03-12 12:00:00.5+00', 1, 2, 0, null, 10);
end $$;
select is_empty($$select pg_temp.entries(event_id::text) from run where name = 'quiet'$$, 'switched off');
select is((select count(*) from syncwell.sync_activity_log), (select 2 * count(*) from syncwell.sync_events where source <> 'quiet') - 1, 'all others are there');

-- consent
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
create temp table secret as select syncwell._record_run(test.org('a'), test.id('a_other'), 'app', 'push', 'incremental', '2026-03-12 12:00:00.5+00', null, null, null, null, 10, 'SW304', 'of a person') as id;
select results_eq($$select pg_temp.entries(id::text) from secret$$, $$values ('batch_process in_progress'), ('sync_complete failed 1.000')$$, 'without consent no text of an error is kept');
select is((select count(*) from syncwell.sync_activity_log where action not in ('sync_start', 'sync_complete', 'batch_process', 'error_recovery', 'manual_trigger', 'scheduled_run')), 0::bigint, 'and runs write no other action');
select * from finish();
rollback;
