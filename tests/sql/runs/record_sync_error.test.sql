begin;
select plan(53);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;
create function pg_temp.fail(
  p_source text, p_message text, p_code text default null, p_http_status integer default null, p_retry_after text default null,
  p_retry_of uuid default null, p_retry_lease uuid default null
) returns table (type text, class text, should_retry boolean, wait interval, attempt integer, lane text, reason text, error_id uuid, event_id uuid)
language sql as $$
  select e.error_type, e.class, e.should_retry, e.retry_at - syncwell._now(), e.attempt, e.lane, e.reason, e.error_id, r.event_id
  from syncwell.record_sync_start(p_source, p_retry_of => p_retry_of, p_retry_lease => p_retry_lease) as r,
  syncwell.record_sync_error(r.event_id, r.lease, p_message, p_code, p_http_status, null, p_retry_after) as e
$$;
-- the circuit has a file of its own
do $$ begin perform syncwell.set_setting('circuit.minimum_runs', '1000000'); end $$;

do $$ begin perform syncwell.register_stream('calls', p_expected_interval => '1 hour'); end $$;
create temp table run as select * from syncwell.record_sync_start('calls');
do $$ begin perform pg_temp.at('12:00:02'); end $$;
create temp table failure as select e.* from run, syncwell.record_sync_error(
  event_id, lease, 'no answer from "10.0.0.7" for https://ann:secret@host/', 'ECONNREFUSED', 502,
  '{"token": "abc", "try": 3}', null, 4
) as e;
select results_eq('select error_type, class, should_retry, retry_at, attempt, lane, reason from failure',
  $$values ('ECONNREFUSED', 'transient', true, timestamptz '2026-11-21 12:00:03+00', 1, 'fast', 'retry')$$, 'the answer');
select results_eq(
  'select e.status, completed_at, duration_ms, items_processed, e.error_type, error_code, error_message, e.error_id = f.error_id from syncwell.sync_events as e, failure as f',
  $$values ('failed', timestamptz '2026-11-21 12:00:02+00', 2000::bigint, 4::bigint, 'ECONNREFUSED', 'ECONNREFUSED',
  'no answer from "10.0.0.7" for https://ann:***@host/', true)$$, 'the run'
);
select results_eq(
  'select user_id, source, event_id = (select event_id from run), error_type, error_class, error_code, http_status, error_message, error_details, retry_count, next_retry_at, '
  'lane, reason, resolved_at, created_at, first_seen, last_seen, occurrences from syncwell.sync_errors',
  $$values (null::uuid, 'calls', true, 'ECONNREFUSED', 'transient', 'ECONNREFUSED', 502, 'no answer from "10.0.0.7" for https://ann:***@host/',
  '{"token": "***", "try": 3}'::jsonb, 1, timestamptz '2026-11-21 12:00:03+00', 'fast', 'retry', null::timestamptz, timestamptz '2026-11-21 12:00:02+00',
  timestamptz '2026-11-21 12:00:02+00', timestamptz '2026-11-21 12:00:02+00', 1::bigint)$$, 'the error, without secrets'
);
select results_eq(
  'select last_successful_sync, last_failed_sync, last_status, consecutive_failures, is_healthy, next_sync_at, recent_outcomes::text, total_runs, items_in_database from syncwell.sync_state',
  $$values (null::timestamptz, timestamptz '2026-11-21 12:00:02+00', 'failed', 1, true, timestamptz '2026-11-21 13:00:02+00', '0', 1::bigint, null::bigint)$$, 'the state'
);
select results_eq('select runs, failures, retries from syncwell.source_attempts', 'values (1::bigint, 1::bigint, 1::bigint)', 'counted for the source');

create temp table before as select t.*, a.runs, a.failures, a.retries, e.occurrences from syncwell.sync_state as t, syncwell.source_attempts as a, syncwell.sync_errors as e;
do $$ begin perform pg_temp.at('12:00:09'); end $$;
select results_eq(
  'select e.* from run, syncwell.record_sync_error(event_id, lease, ''no answer from "10.9.9.9" for https://ann:other@host/'', ''ECONNREFUSED'', 502) as e',
  'select * from failure', 'told again: the same answer'
);
select results_eq('select t.*, a.runs, a.failures, a.retries, e.occurrences from syncwell.sync_state as t, syncwell.source_attempts as a, syncwell.sync_errors as e',
  'select * from before', 'which counts once');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''another'', ''ECONNREFUSED'', 502) from run', 'SW103', null, 'another message');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''no answer from "10.0.0.7" for https://ann:secret@host/'', ''ECONNREFUSED'', 502, null, null, 5) from run',
  'SW103', null, 'another count');
select throws_ok('select syncwell.record_sync_complete(event_id, lease) from run', 'SW103', null, 'another outcome');

-- the five retries and what comes then; the message differs in digits only
create temp table tries (n integer, should_retry boolean, wait interval, attempt integer, lane text, reason text);
do $$ begin
  for i in 1..8 loop
    insert into tries select i, f.should_retry, f.wait, f.attempt, f.lane, f.reason from pg_temp.fail('steps', 'try ' || i) as f;
  end loop;
end $$;
select results_eq('select * from tries order by n', $$values
  (1, true, interval '1 s', 1, 'fast', 'retry'), (2, true, '2 s', 2, 'fast', 'retry'), (3, true, '4 s', 3, 'fast', 'retry'),
  (4, true, '8 s', 4, 'fast', 'retry'), (5, true, '16 s', 5, 'fast', 'retry'),
  (6, false, '15 min', 5, 'slow', 'parked'), (7, false, '15 min', 5, 'slow', 'parked'), (8, false, '15 min', 5, 'slow', 'parked')$$,
  'unknown errors get five retries, then are parked');
select results_eq($$select count(*), max(occurrences), max(retry_count) from syncwell.sync_errors where source = 'steps'$$, 'values (1::bigint, 8::bigint, 5)', 'in one row');
select results_eq($$select consecutive_failures, is_healthy from syncwell.sync_state join syncwell.streams using (org_id, stream_id) where source = 'steps'$$,
  'values (8, false)', 'the streak grows');
do $$ begin perform set_config('syncwell.fake_now', '2026-11-22 12:00:08.999+00', true); end $$;
select results_eq($$select lane, reason from pg_temp.fail('steps', 'try 9')$$, $$values ('slow', 'parked')$$, 'parked until it is a day old');
do $$ begin perform set_config('syncwell.fake_now', '2026-11-22 12:00:09+00', true); end $$;
select results_eq($$select should_retry, wait, lane, reason from pg_temp.fail('steps', 'try 10')$$,
  $$values (false, null::interval, 'none', 'too_old')$$, 'then it is left');
do $$ begin perform pg_temp.at('14:00'); end $$;

-- unhealthy from the third failure on
create temp table streak (n integer, healthy boolean);
do $$ begin
  for i in 1..4 loop
    perform pg_temp.fail('streak', 'x');
    insert into streak select i, is_healthy from syncwell.sync_state join syncwell.streams using (org_id, stream_id) where source = 'streak';
  end loop;
end $$;
select results_eq('select * from streak order by n', 'values (1, true), (2, true), (3, false), (4, false)', 'healthy below three');
do $$ begin perform syncwell.set_setting('runs.failure_threshold', '1', 'frail'), pg_temp.fail('frail', 'x'); end $$;
select is((select is_healthy from syncwell.sync_state join syncwell.streams using (org_id, stream_id) where source = 'frail'), false, 'by the setting of the source');

-- classes
select results_eq($$select class, should_retry, wait, attempt, lane, reason from pg_temp.fail('k1', 'x', null, 401)$$,
  $$values ('auth', false, null::interval, 0, 'none', 'needs_reauth')$$, 'auth consumes no retry');
select results_eq($$select class, should_retry, wait, attempt, lane, reason from pg_temp.fail('k2', 'x', null, 404)$$,
  $$values ('permanent', false, null::interval, 0, 'none', 'permanent')$$, 'permanent');
select results_eq($$select class, should_retry, wait, attempt, lane, reason from pg_temp.fail('k3', 'x', null, 409)$$,
  $$values ('conflict', true, interval '1 s', 1, 'fast', 'retry')$$, 'a conflict is retried');
select results_eq($$select class, should_retry, wait, attempt, lane, reason from pg_temp.fail('k3', 'x', null, 409)$$,
  $$values ('conflict', false, null::interval, 1, 'none', 'permanent')$$, 'once');
select results_eq($$select source, sum(runs), sum(failures) from syncwell.source_attempts where source like 'k_' group by source order by source$$,
  $$values ('k1', 1::numeric, 0::numeric), ('k2', 1, 0), ('k3', 2, 0)$$, 'none of them is the source''s fault');

-- Retry-After
select results_eq($$select class, should_retry, wait, reason from pg_temp.fail('r1', 'x', null, 429, '120')$$,
  $$values ('throttled', true, interval '2 min', 'retry')$$, 'seconds');
select results_eq($$select class, wait from pg_temp.fail('r2', 'x', null, 503, 'Sat, 21 Nov 2026 14:03:00 GMT')$$,
  $$values ('throttled', interval '3 min')$$, 'a date; a 503 that says when throttles');
select results_eq($$select class, wait from pg_temp.fail('r3', 'x', null, 503)$$, $$values ('transient', interval '1 s')$$, 'one that does not is transient');
select is((select wait from pg_temp.fail('r4', 'x', null, 429, '999999')), '6 hours', 'at most six hours');
select is((select wait from pg_temp.fail('r5', 'x', null, 429, 'soon')), '1 s', 'nonsense is none');
select is((select wait from pg_temp.fail('r6', 'x', null, 429)), '1 s', 'none');
select is((select wait from pg_temp.fail('r7', 'x', null, 500, '60')), '1 min', 'of any failure');
do $$ begin
  perform syncwell.set_setting('retry.max_retries', '0', 'r8');
end $$;
select results_eq($$select should_retry, wait, reason from pg_temp.fail('r8', 'x', null, 500, '3600')$$,
  $$values (false, interval '1 hour', 'parked')$$, 'nor is a parked one retried earlier');

-- settings of the source
do $$ begin
  perform syncwell.set_setting('retry.max_retries', '1', 's1'), syncwell.set_setting('retry.base', '10 s', 's1'), syncwell.set_setting('retry.slow_interval', '1 hour', 's1');
end $$;
select is((select wait from pg_temp.fail('s1', 'x')), '10 s', 'its base');
select results_eq($$select wait, reason from pg_temp.fail('s1', 'x')$$, $$values (interval '1 hour', 'parked')$$, 'its maximum and slow lane');

-- budget: 1 retry for 10 runs and 2 on top
do $$ begin
  perform syncwell.set_setting('retry.budget_floor', '2', 'b1');
end $$;
create temp table budget (n integer, reason text, lane text, wait interval, attempt integer);
do $$ begin
  for i in 1..4 loop insert into budget select i, f.reason, f.lane, f.wait, f.attempt from pg_temp.fail('b1', repeat('x', i)) as f; end loop;
end $$;
select results_eq('select n, reason, lane, wait, attempt from budget order by n', $$values (1, 'retry', 'fast', interval '1 s', 1), (2, 'retry', 'fast', '1 s', 1),
  (3, 'retry', 'fast', '1 s', 1), (4, 'budget', 'slow', '15 min', 0)$$, 'a tenth of the runs and two on top');
do $$ begin perform pg_temp.at('14:04'); end $$;
select is((select reason from pg_temp.fail('b1', 'yy')), 'budget', 'still within the window');
do $$ begin perform pg_temp.at('14:05'); end $$;
select is((select reason from pg_temp.fail('b1', 'yyy')), 'retry', 'the window moves on');
select is((select reason from pg_temp.fail('b2', 'y')), 'retry', 'another source has its own');

-- input
create temp table last as select * from syncwell.record_sync_start('bad');
select throws_ok('select syncwell.record_sync_error(event_id, lease, null) from last', '22004', null, 'no message');
select lives_ok('select syncwell._check_error('''', null, null, null)', 'an empty one will do');
select throws_ok('select syncwell.record_sync_error(event_id, lease, repeat(''x'', 8193)) from last', '22001', null, 'too long a message');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''x'', repeat(''x'', 256)) from last', '22001', null, 'too long a code');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''x'', null, 99) from last', '22023', null, 'no HTTP status');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''x'', null, 600) from last', '22023', null, 'neither');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''x'', null, null, to_jsonb(repeat(''x'', 65536))) from last', '22001', null, 'too long details');
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''x'', p_items_processed => -1) from last', '22023', null, 'a negative count');
select throws_ok('select syncwell.record_sync_error(event_id, event_id, ''x'') from last', 'SW102', null, 'another lease');
select throws_ok('select syncwell.record_sync_error(lease, lease, ''x'') from last', 'SW101', null, 'no such run');
select throws_ok('select syncwell.record_sync_error(null, lease, ''x'') from last', '22004', null, 'no run');
select throws_ok('select syncwell.record_sync_error(event_id, null, ''x'') from last', '22004', null, 'no lease');
select is((select count(*) from syncwell.sync_errors where source = 'bad'), 0::bigint, 'refusals write nothing');

-- consent
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
create temp table theirs as select * from syncwell.record_sync_start('calls', p_user_id => test.id('a_member'));
create temp table asked as select e.* from theirs, syncwell.record_sync_error(event_id, lease, 'of Ann 1', null, 500, '{"a": 1}') as e;
select results_eq('select error_message, error_details from syncwell.sync_errors join asked on id = error_id', 'values (null::text, null::jsonb)', 'no details without consent');
select is((select error_message from syncwell.sync_events join theirs on id = event_id), null, 'nor in the run');
select lives_ok('select e.* from theirs, syncwell.record_sync_error(event_id, lease, ''of Ann 2'', null, 500) as e', 'known again all the same');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select throws_ok('select syncwell.record_sync_error(event_id, lease, ''x'') from last', 'SW101', null, 'a run of another org');

select * from finish();
rollback;
