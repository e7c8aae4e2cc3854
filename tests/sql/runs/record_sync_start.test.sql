begin;
select plan(46);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create temp table run as
select * from syncwell.record_sync_start(
  'calls', 'incremental', 't0', 'key', p_platform => 'ios', p_device_id => 'd1', p_network_type => 'wifi', p_network_quality => 'good'
);
select results_eq('select status, attempt, sync_token, started_at, is_new from run',
  $$values ('started', 1, 't0', timestamptz '2026-11-21 12:00+00', true)$$, 'the answer');
select results_eq(
  'select e.org_id, e.user_id, e.source, e.sync_type, e.status, e.sync_token_before, e.run_key, e.platform, e.device_id, e.network_type, '
  'e.network_quality, e.attempt, e.completed_at from syncwell.sync_events as e join run on (e.id, e.stream_id, e.lease) = (run.event_id, run.stream_id, run.lease)',
  $$values (test.org('a'), null::uuid, 'calls', 'incremental', 'started', 't0', 'key', 'ios', 'd1', 'wifi', 'good', 1, null::timestamptz)$$,
  'the row'
);
select is((select syncwell._uuid7_time(event_id) from run), '2026-11-21 12:00+00', 'the id bears the time');
select results_eq('select user_id, source, platform, registered_at from syncwell.streams',
  $$values (null::uuid, 'calls', 'ios', null::timestamptz)$$, 'makes the stream on first use');
select results_eq('select total_runs, last_status, is_healthy, recent_outcomes::text from syncwell.sync_state',
  $$values (0::bigint, null::text, true, '')$$, 'and its state, which the start leaves alone');
do $$ begin perform pg_temp.at('12:01'); end $$;
select results_eq(
  $$select event_id, lease, stream_id, status, attempt, sync_token, started_at, is_new from syncwell.record_sync_start('calls', 'full', p_run_key => 'key')$$,
  'select event_id, lease, stream_id, status, attempt, sync_token, started_at, false from run', 'a known run key returns its run'
);
select is((select count(*) from syncwell.sync_events), 1::bigint, 'and starts none');
select is((select is_new from syncwell.record_sync_start('calls', p_run_key => 'other')), true, 'another key');
select is((select is_new from syncwell.record_sync_start('sms', p_run_key => 'key')), true, 'the key on another stream');
select is((select is_new from syncwell.record_sync_start('calls', p_run_key => 'key', p_user_id => test.id('a_member'))), true, 'the key of another user');
select is(
  (select count(distinct r.event_id) from generate_series(1, 2) as n, syncwell.record_sync_start(left('calls', n + 9)) as r), 2::bigint, 'two workers on one stream are both recorded'
);
delete from syncwell.sync_events as e using run where e.id = run.event_id;
select is((select is_new from syncwell.record_sync_start('calls', p_run_key => 'key')), true, 'the key of a run that is gone is free');
select is((select is_new from syncwell.record_sync_start('calls', p_run_key => 'key')), false, 'once');

do $$ begin update syncwell.sync_state set last_sync_token = 't9'; end $$;
select is((select sync_token from syncwell.record_sync_start('calls')), 't9', 'goes on where the last run stopped');
select is((select sync_token from syncwell.record_sync_start('calls', p_sync_token => 't5')), 't5', 'or where it is told');
select is((select sync_token from syncwell.record_sync_start('calls', 'full')), null, 'a full sync starts from nothing');
select is((select sync_token from syncwell.record_sync_start('calls', 'full', 't5')), 't5', 'unless told');
create temp table plain as select * from syncwell.record_sync_start('calls');
select is((select e.platform from plain join syncwell.sync_events as e on e.id = plain.event_id), 'ios', 'the stream''s platform');

-- retries
create temp table failed as
select e.* from syncwell.record_sync_start('retried', p_user_id => test.id('a_member')) as r
cross join lateral syncwell.record_sync_error(r.event_id, r.lease, 'x', 'ECONNRESET') as e;
select throws_ok(
  $$select syncwell.record_sync_start('calls', p_retry_of => (select error_id from failed))$$, 'SW104', 'unknown sync error', 'an error of another stream'
);
select throws_ok($$select syncwell.record_sync_start('calls', p_retry_of => test.id('x'))$$, 'SW104', null, 'no such error');
select throws_ok(
  $$select syncwell.record_sync_start('retried', p_user_id => test.id('a_member'), p_retry_of => (select error_id from failed), p_retry_lease => test.id('x'))$$,
  'SW102', null, 'a lease that nobody was given'
);
create temp table retry as
select * from syncwell.record_sync_start('retried', p_user_id => test.id('a_member'), p_retry_of => (select error_id from failed));
select results_eq(
  $$select retry.attempt, e.attempt, e.parent_id = x.event_id, e.error_id = x.id from retry
  join syncwell.sync_events as e on e.id = retry.event_id join syncwell.sync_errors as x on true$$,
  'values (2, 2, true, true)', 'the retry knows what it retries'
);
select is((select next_retry_at from syncwell.sync_errors), null, 'which is not due any more');
do $$ begin perform syncwell.mark_error_resolved((select error_id from failed)); end $$;
select throws_ok(
  $$select syncwell.record_sync_start('retried', p_user_id => test.id('a_member'), p_retry_of => (select error_id from failed))$$,
  'SW106', null, 'what is resolved is not retried'
);

create temp table before_refusals as select count(*) as n from syncwell.sync_events;
select throws_ok($$select syncwell.record_sync_start(null)$$, '22004', null, 'no source');
select throws_ok($$select syncwell.record_sync_start('')$$, '22023', null, 'a bad source');
select throws_ok($$select syncwell.record_sync_start('calls', null)$$, '22004', null, 'no type');
select throws_ok($$select syncwell.record_sync_start('calls', 'half')$$, '22023', null, 'an unknown type');
select throws_ok($$select syncwell.record_sync_start('calls', p_platform => 'amiga')$$, '22023', null, 'an unknown platform');
select throws_ok($$select syncwell.record_sync_start('calls', p_sync_token => repeat('x', 8193))$$, '22001', null, 'too long a token');
select throws_ok($$select syncwell.record_sync_start('calls', p_run_key => '')$$, '22023', 'an empty run key names no run', 'an empty key');
select throws_ok($$select syncwell.record_sync_start('calls', p_run_key => repeat('x', 256))$$, '22001', null, 'too long a key');
select throws_ok($$select syncwell.record_sync_start('calls', p_device_id => repeat('x', 256))$$, '22001', null, 'too long a device');
select throws_ok($$select syncwell.record_sync_start('calls', p_network_type => repeat('x', 65))$$, '22001', null, 'too long a network');
select throws_ok($$select syncwell.record_sync_start('calls', p_network_quality => repeat('x', 65))$$, '22001', null, 'too long a quality');
select throws_ok($$select syncwell.record_sync_start('new', p_user_id => test.id('b_member'))$$, 'SW002', null, 'a user of another org');
select is((select count(*) from syncwell.sync_events), (select n from before_refusals), 'refusals write nothing');
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
create temp table secret as select * from syncwell.record_sync_start(
  'calls', p_user_id => test.id('a_member'), p_device_id => 'd', p_network_type => 'wifi', p_network_quality => 'good', p_platform => 'web'
);
create temp table open as select * from syncwell.record_sync_start('calls', p_device_id => 'd');
select results_eq(
  'select device_id, network_type, network_quality, e.platform from syncwell.sync_events as e join secret on e.id = event_id',
  $$values (null::text, null::text, null::text, 'web')$$, 'no details without consent'
);
select is(
  (select device_id from syncwell.sync_events as e join open on e.id = event_id),
  'd', 'the org''s own stream needs none'
);

set session authorization a_member;
select lives_ok($$select syncwell.record_sync_start('mine')$$, 'a member records its own');
select throws_ok(format($$select syncwell.record_sync_start('mine', p_user_id => %L)$$, test.id('a_other')), 'SW002', null, 'and nobody else''s');
reset session authorization;
select is((select user_id from syncwell.streams where source = 'mine'), test.id('a_member'), 'on a stream of its own');
set session authorization nobody_login;
select throws_ok($$select syncwell.record_sync_start('mine')$$, 'SW001', null, 'nobody records nothing');
reset session authorization;
-- a claimed retry whose answer was lost
do $$ begin
  perform syncwell.act_as_org(test.org('a')), syncwell.schedule_sync_retry(syncwell.create_sync_error('lost', 'x'), '0');
end $$;
create temp table lost_claim as select * from syncwell.claim_due_retries() where source = 'lost';
create temp table lost as select r.* from lost_claim, syncwell.record_sync_start(source, p_retry_of => error_id, p_retry_lease => retry_lease) as r;
select results_eq('select r.event_id, r.lease, r.attempt, r.is_new from lost_claim, syncwell.record_sync_start(source, p_retry_of => error_id, p_retry_lease => retry_lease) as r',
  'select event_id, lease, attempt, false from lost', 'told again: the run it started');
select throws_ok('select syncwell.record_sync_start(source, p_retry_of => error_id, p_retry_lease => test.id(''x'')) from lost_claim', 'SW102', null, 'with another lease: not');
do $$ begin perform syncwell.record_sync_error(event_id, lease, 'y') from lost; end $$;
select throws_ok('select syncwell.record_sync_start(source, p_retry_of => error_id, p_retry_lease => retry_lease) from lost_claim', 'SW102', null, 'nor once that run has ended');

select * from finish();
rollback;
