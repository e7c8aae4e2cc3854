begin;
select plan(32);
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
create view pg_temp.circuit as
select state, opened_at, closed_at, cooldown, reopen_at, probe_event is not null as probing from syncwell.circuits where source = 'api';
create function pg_temp.succeed(p_source text) returns text language sql as $$
  select c.status from syncwell.record_sync_start(p_source) as r, syncwell.record_sync_complete(r.event_id, r.lease) as c $$;

-- opening: at least five runs, half of them failed
do $$ begin
  for i in 1..4 loop perform pg_temp.fail('api', 'x' || repeat('y', i), 'ECONNRESET'); end loop;
end $$;
select is((select count(*) from pg_temp.circuit), 0::bigint, 'four failures of four do not open it');
create temp table fifth as select * from pg_temp.fail('api', 'fifth', 'ECONNRESET');
select results_eq('select * from pg_temp.circuit',
  $$values ('open', timestamptz '2026-11-21 12:00+00', null::timestamptz, interval '30 s', timestamptz '2026-11-21 12:00:30+00', false)$$, 'five of five do');
select results_eq('select should_retry, wait, attempt, lane, reason from fifth',
  $$values (false, interval '31 s', 0, 'slow', 'circuit_open')$$, 'the error is parked until then, at no cost');
do $$ begin
  for i in 1..5 loop perform pg_temp.succeed('half'); end loop;
  for i in 1..4 loop perform pg_temp.fail('half', repeat('y', i), 'ECONNRESET'); end loop;
end $$;
select is((select count(*) from syncwell.circuits where source = 'half'), 0::bigint, 'four of nine do not');
do $$ begin perform pg_temp.fail('half', repeat('y', 5), 'ECONNRESET'); end $$;
select is((select state from syncwell.circuits where source = 'half'), 'open', 'five of ten do');
do $$ begin
  for i in 1..9 loop perform pg_temp.fail('fine', 'x', null, case when i % 2 = 0 then 401 else 422 end); end loop;
end $$;
select is((select count(*) from syncwell.circuits where source = 'fine'), 0::bigint, 'auth and permanent errors never do');
do $$ begin
  perform syncwell.act_as_org(test.org('b'));
  for i in 1..4 loop perform pg_temp.fail('api', 'x', 'ECONNRESET'); end loop;
  perform syncwell.act_as_org(test.org('a'));
end $$;
select is((select count(*) from syncwell.circuits where org_id = test.org('b')), 0::bigint, 'nor do the failures of another org');

-- while open
do $$ begin perform pg_temp.at('12:00:29'); end $$;
select is((select count(*) from syncwell.claim_due_retries() where source = 'api'), 0::bigint, 'open: nothing is handed out');
do $$ begin perform pg_temp.fail('api', 'another', 'ECONNRESET'); end $$;
select is((select reopen_at from pg_temp.circuit), '2026-11-21 12:00:30+00', 'failures meanwhile do not prolong it');

-- the probe
do $$ begin perform pg_temp.at('12:00:30'); end $$;
create temp table probe as select * from syncwell.claim_due_retries() where source = 'api';
select results_eq('select source, is_probe, lease_until from probe', $$values ('api', true, timestamptz '2026-11-21 12:05:30+00')$$, 'after the cooldown one probe');
select results_eq('select state, probing from pg_temp.circuit', $$values ('half_open', false)$$, 'half open');
select is((select count(*) from syncwell.claim_due_retries(100) where source = 'api'), 0::bigint, 'and no other');
do $$ begin perform pg_temp.at('12:00:31'), pg_temp.fail('api', 'a bystander', 'ECONNRESET'); end $$;
select is((select state from pg_temp.circuit), 'half_open', 'a failure of another run decides nothing');
do $$ begin perform pg_temp.fail('api', 'x', 'ECONNRESET', p_retry_of => error_id, p_retry_lease => retry_lease) from probe; end $$;
select results_eq('select * from pg_temp.circuit',
  $$values ('open', timestamptz '2026-11-21 12:00:31+00', null::timestamptz, interval '1 min', timestamptz '2026-11-21 12:01:31+00', false)$$, 'its failure opens again for twice as long');
do $$ begin
  update syncwell.circuits set cooldown = '10 min' where source = 'api';
  perform pg_temp.at('12:01:31'), pg_temp.fail('api', 'ventures out', 'ECONNRESET');
end $$;
select results_eq('select state, cooldown, reopen_at from pg_temp.circuit', $$values ('open', interval '15 min', timestamptz '2026-11-21 12:16:31+00')$$,
  'so does one of a run that ventured out after the cooldown; a quarter of an hour at most');

-- a probe that hangs
do $$ begin perform pg_temp.at('12:16:31'); end $$;
create temp table hanging as select * from syncwell.claim_due_retries(p_lease_for => '1 hour') where source = 'api';
create temp table hanging_run as select r.* from hanging, syncwell.record_sync_start('api', p_retry_of => error_id, p_retry_lease => retry_lease) as r;
select is((select probing from pg_temp.circuit), true, 'the probe runs');
do $$ begin perform pg_temp.at('12:21:30'); end $$;
select is((select count(*) from syncwell.claim_due_retries(100) where source = 'api'), 0::bigint, 'five minutes are its own');
do $$ begin perform pg_temp.at('12:21:31'); end $$;
create temp table second_probe as select * from syncwell.claim_due_retries(100) where source = 'api';
select results_eq('select is_probe, error_id <> (select error_id from hanging) from second_probe', 'values (true, true)', 'then another one is let through');
create temp table second_run as select r.* from second_probe, syncwell.record_sync_start('api', p_retry_of => error_id, p_retry_lease => retry_lease) as r;
do $$ begin perform syncwell.record_sync_error(event_id, lease, 'late', 'ECONNRESET') from hanging_run; end $$;
select is((select state from pg_temp.circuit), 'half_open', 'what the first one says now decides nothing');
do $$ begin perform syncwell.record_sync_complete(event_id, lease) from second_run; end $$;
select results_eq('select state, closed_at, probing from pg_temp.circuit', $$values ('closed', timestamptz '2026-11-21 12:21:31+00', false)$$, 'the success of the second closes');

-- closed again: what was before does not count
do $$ begin
  perform pg_temp.at('12:21:40');
  for i in 1..4 loop perform pg_temp.fail('api', repeat('z', i), 'ECONNRESET'); end loop;
end $$;
select is((select state from pg_temp.circuit), 'closed', 'closed');
do $$ begin
  perform pg_temp.at('12:22:10');
  for i in 1..4 loop perform pg_temp.fail('api', repeat('z', i), 'ECONNRESET'); end loop;
end $$;
select is((select state from pg_temp.circuit), 'closed', 'it takes five new ones');
do $$ begin perform pg_temp.fail('api', 'z', 'ECONNRESET'); end $$;
select results_eq('select state, cooldown from pg_temp.circuit', $$values ('open', interval '30 s')$$, 'and starts with the short cooldown');

-- refused is answered
do $$ begin perform pg_temp.at('12:22:40'); end $$;
create temp table third_probe as select * from syncwell.claim_due_retries(100) where source = 'api';
do $$ begin perform pg_temp.fail('api', 'x', null, 401, p_retry_of => error_id, p_retry_lease => retry_lease) from third_probe; end $$;
select is((select state from pg_temp.circuit), 'closed', 'a probe that was refused as unauthorised found the source there');

-- a success after the cooldown without a probe; the window
do $$ begin perform pg_temp.at('12:23:00'), pg_temp.succeed('half'); end $$;
select is((select state from syncwell.circuits where source = 'half'), 'closed', 'an ordinary success after the cooldown closes');
do $$ begin
  for i in 1..4 loop perform pg_temp.fail('slow', repeat('y', i), 'ECONNRESET'); end loop;
  perform pg_temp.at('12:28:00'), pg_temp.fail('slow', 'z', 'ECONNRESET');
end $$;
select is((select count(*) from syncwell.circuits where source = 'slow'), 0::bigint, 'what is older than the window does not count');

-- Retry-After blocks the source
create temp table throttled as select * from pg_temp.fail('busy', 'x', null, 429, '600');
select results_eq('select should_retry, wait, reason from throttled', $$values (true, interval '10 min', 'retry')$$, 'the run itself may come back then');
select results_eq($$select state, reopen_at, cooldown from syncwell.circuits where source = 'busy'$$,
  $$values ('open', timestamptz '2026-11-21 12:38+00', interval '30 s')$$, 'the source is left alone until then');
select results_eq($$select should_retry, wait, reason from pg_temp.fail('busy', 'y', 'ECONNRESET')$$,
  $$values (false, interval '601 s', 'circuit_open')$$, 'by the others, too');
do $$ begin perform pg_temp.fail('busy', 'x', null, 429, '60'); end $$;
select is((select reopen_at from syncwell.circuits where source = 'busy'), '2026-11-21 12:38+00', 'a shorter one does not shorten it');
do $$ begin perform pg_temp.fail('zero', 'x', null, 429, '0'); end $$;
select is((select count(*) from syncwell.circuits where source = 'zero'), 0::bigint, 'none for nothing');
do $$ begin
  perform syncwell.set_setting('circuit.minimum_runs', '1', 'touchy'), syncwell.set_setting('circuit.cooldown', '5 s', 'touchy');
  perform pg_temp.fail('touchy', 'x', 'ECONNRESET');
end $$;
select is((select cooldown from syncwell.circuits where source = 'touchy'), '5 s', 'by the settings of the source');

select * from finish();
rollback;
