begin;
select plan(42);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

do $$ begin perform syncwell.register_stream('calls', p_expected_interval => '1 hour'); end $$;
create temp table run as select * from syncwell.record_sync_start('calls');
do $$ begin perform pg_temp.at('12:00:10.5'); end $$;
select results_eq('select c.* from run, syncwell.record_sync_complete(event_id, lease, 10, ''t1'', 5, 3, 2, 0) as c',
  $$values ('success', timestamptz '2026-11-21 12:00:10.5+00', 10500::bigint, true)$$, 'the answer');
select results_eq(
  'select status, completed_at, duration_ms, items_processed, items_created, items_updated, items_deleted, items_failed, sync_token_after from syncwell.sync_events',
  $$values ('success', timestamptz '2026-11-21 12:00:10.5+00', 10500::bigint, 10::bigint, 5::bigint, 3::bigint, 2::bigint, 0::bigint, 't1')$$, 'the run'
);
create view pg_temp.state as
select last_sync_token, last_full_sync, last_incremental_sync, last_successful_sync, last_failed_sync, last_status, last_run_at, last_duration_ms,
consecutive_failures, is_healthy, health_check_at, next_sync_at, recent_outcomes::text, total_runs, items_in_database from syncwell.sync_state;
select results_eq('select * from pg_temp.state', $$values ('t1', null::timestamptz, timestamptz '2026-11-21 12:00:10.5+00', timestamptz '2026-11-21 12:00:10.5+00',
null::timestamptz, 'success', timestamptz '2026-11-21 12:00:10.5+00', 10500::bigint, 0, true, timestamptz '2026-11-21 12:00:10.5+00', timestamptz '2026-11-21 13:00:10.5+00',
'1', 1::bigint, 3::bigint)$$, 'the state of the stream');
select results_eq('select source, minute, runs, failures, retries from syncwell.source_attempts',
  $$values ('calls', timestamptz '2026-11-21 12:00+00', 1::bigint, 0::bigint, 0::bigint)$$, 'counted for the source');

create temp table before as select * from pg_temp.state;
do $$ begin perform pg_temp.at('12:05'); end $$;
select results_eq('select c.* from run, syncwell.record_sync_complete(event_id, lease, 10, ''t1'', 5, 3, 2, 0) as c',
  $$values ('success', timestamptz '2026-11-21 12:00:10.5+00', 10500::bigint, false)$$, 'told again');
select results_eq('select c.changed from run, syncwell.record_sync_complete(event_id, lease) as c', 'values (false)', 'with less');
select results_eq('select * from pg_temp.state', 'select * from before', 'counts once');
select is((select sum(runs) from syncwell.source_attempts), 1::numeric, 'for the source, too');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, 11, ''t1'', 5, 3, 2, 0) from run', 'SW103', null, 'another number of items');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, 10, ''t1'', 6, 3, 2, 0) from run', 'SW103', null, 'of new ones');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, 10, ''t1'', 5, 4, 2, 0) from run', 'SW103', null, 'of changed ones');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, 10, ''t1'', 5, 3, 3, 0) from run', 'SW103', null, 'of deleted ones');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, 10, ''t1'', 5, 3, 2, 1) from run', 'SW103', null, 'of failed ones');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, 10, ''t2'', 5, 3, 2, 0) from run', 'SW103', null, 'another token');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''x'') from run', 'SW103', null, 'another outcome');
select results_eq('select * from pg_temp.state', 'select * from before', 'refusals change nothing');

-- partial
create temp table second as select * from syncwell.record_sync_start('calls', 'full');
do $$ begin update syncwell.sync_state set consecutive_failures = 4, is_healthy = false; end $$;
select results_eq('select c.status from second, syncwell.record_sync_complete(event_id, lease, 10, p_items_failed => 2, p_items_deleted => 4) as c',
  $$values ('partial')$$, 'partial when items failed');
select results_eq('select last_status, last_full_sync, last_sync_token, consecutive_failures, is_healthy, recent_outcomes, total_runs, items_in_database from pg_temp.state',
  $$values ('partial', timestamptz '2026-11-21 12:05+00', 't1', 0, true, '11', 2::bigint, -1::bigint)$$, 'it ends the streak; no token leaves the old one');

-- what it resolves
create temp table failure as select e.* from syncwell.record_sync_start('calls') as r, syncwell.record_sync_error(r.event_id, r.lease, 'down', 'ECONNRESET') as e;
create temp table failure2 as select e.* from syncwell.record_sync_start('calls') as r, syncwell.record_sync_error(r.event_id, r.lease, 'no', null, 401) as e;
create temp table by_hand as select syncwell.create_sync_error('calls', 'unreadable') as id, syncwell.create_sync_error('calls', 'retried by hand') as retried;
create temp table elsewhere as select e.* from syncwell.record_sync_start('sms') as r, syncwell.record_sync_error(r.event_id, r.lease, 'down', 'ECONNRESET') as e;
do $$ begin perform pg_temp.at('12:06'); end $$;
create temp table third as select * from syncwell.record_sync_start('calls', 'webhook', p_retry_of => (select retried from by_hand));
do $$ begin perform syncwell.record_sync_complete(event_id, lease) from third; end $$;
select results_eq('select resolved_at, next_retry_at, e.lane from syncwell.sync_errors as e join failure on id = error_id',
  $$values (timestamptz '2026-11-21 12:06+00', null::timestamptz, 'none')$$, 'resolves the errors that runs wrote');
select is((select resolved_at from syncwell.sync_errors join failure2 on id = error_id), '2026-11-21 12:06+00', 'all of them');
select is((select resolved_at from syncwell.sync_errors join by_hand on sync_errors.id = retried), '2026-11-21 12:06+00', 'and the one it retried');
select is((select resolved_at from syncwell.sync_errors join by_hand using (id)), null, 'no other that was reported without a run');
select is((select resolved_at from syncwell.sync_errors join elsewhere on id = error_id), null, 'none of another stream');
select results_eq(
  $$select last_full_sync, last_incremental_sync, last_successful_sync from syncwell.sync_state join syncwell.streams using (org_id, stream_id) where source = 'calls'$$,
  $$values (timestamptz '2026-11-21 12:05+00', timestamptz '2026-11-21 12:00:10.5+00', timestamptz '2026-11-21 12:06+00')$$, 'a webhook is neither full nor incremental'
);

-- the last twenty
do $$ begin
  for i in 1..25 loop
    perform syncwell.record_sync_complete(r.event_id, r.lease) from syncwell.record_sync_start('many') as r;
  end loop;
  perform syncwell.record_sync_error(r.event_id, r.lease, 'x') from syncwell.record_sync_start('many') as r;
end $$;
select is((select recent_outcomes::text from syncwell.sync_state where total_runs = 26), '11111111111111111110', 'the newest twenty, the newest rightmost');

create temp table fourth as select * from syncwell.record_sync_start('calls');
select throws_ok('select syncwell.record_sync_complete(event_id, event_id) from fourth', 'SW102', null, 'another lease');
select throws_ok('select syncwell.record_sync_complete(lease, lease) from fourth', 'SW101', null, 'no such run');
select throws_ok('select syncwell.record_sync_complete(null, lease) from fourth', '22004', null, 'no run');
select throws_ok('select syncwell.record_sync_complete(event_id, null) from fourth', '22004', null, 'no lease');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, -1) from fourth', '22023', 'p_items_processed is negative', 'negative items');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, null, null, -1) from fourth', '22023', 'p_items_created is negative', 'new');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, null, null, 1, -1) from fourth', '22023', 'p_items_updated is negative', 'changed');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, null, null, 1, 1, -1) from fourth', '22023', 'p_items_deleted is negative', 'deleted');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, null, null, 1, 1, 1, -1) from fourth', '22023', 'p_items_failed is negative', 'failed');
select throws_ok('select syncwell.record_sync_complete(event_id, lease, 1, repeat(''x'', 8193)) from fourth', '22001', null, 'too long a token');
select is((select e.status from syncwell.sync_events as e join fourth on e.id = event_id), 'started', 'refusals leave the run alone');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select throws_ok('select syncwell.record_sync_complete(event_id, lease) from fourth', 'SW101', 'unknown run', 'a run of another org');
grant select on fourth to a_member;
do $$ begin perform syncwell.act_as_org(test.org('a')); end $$;
create temp table others as select * from syncwell.record_sync_start('calls', p_user_id => test.id('a_other'));
grant select on others to a_member;
set session authorization a_member;
select throws_ok('select syncwell.record_sync_complete(event_id, lease) from others', 'SW101', 'unknown run', 'a run of another member');
select throws_ok('select syncwell.record_sync_complete(event_id, lease) from fourth', 'SW101', 'unknown run', 'nor one of the org''s own stream');
reset session authorization;
-- a counter at the end of its range
create temp table full_up as select * from syncwell.record_sync_start('full') as r, syncwell.record_sync_complete(r.event_id, r.lease, null, null, 9223372036854775807) as c (ended);
select lives_ok($$select syncwell.record_sync_complete(event_id, lease, null, null, 9223372036854775807) from syncwell.record_sync_start('full')$$, 'stays there');
select is((select items_in_database from syncwell.sync_state as t join full_up as f using (stream_id)), 9223372036854775807, 'and keeps no run from ending');
select lives_ok($$select syncwell.record_sync_complete(event_id, lease, null, null, 0, 0, 9223372036854775807) from syncwell.record_sync_start('full')$$, 'and comes down again');

select * from finish();
rollback;
