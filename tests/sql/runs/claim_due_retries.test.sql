begin;
select plan(30);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create function pg_temp.fail(p_source text, p_message text, p_sync_type text default 'incremental', p_user_id uuid default null) returns uuid language sql as $$
  select e.error_id from syncwell.record_sync_start(p_source, p_sync_type, p_user_id => p_user_id) as r,
  syncwell.record_sync_error(r.event_id, r.lease, p_message, 'ECONNRESET') as e $$;
create temp table made as select pg_temp.fail('calls', 'a', 'full', test.id('a_member')) as id;
select is((select count(*) from syncwell.claim_due_retries()), 0::bigint, 'not due yet');
do $$ begin perform pg_temp.at('12:00:01'); end $$;
create temp table claim as select * from syncwell.claim_due_retries();
select results_eq('select org_id, user_id, error_id, lease_until, source, sync_type, attempt, error_type, is_probe from claim',
  $$select test.org('a'), test.id('a_member'), id, timestamptz '2026-11-21 12:05:01+00', 'calls', 'full', 1, 'ECONNRESET', false from made$$, 'all it takes to start it');
select is((select count(*) from syncwell.claim_due_retries()), 0::bigint, 'to one caller only');
select throws_ok('select syncwell.record_sync_start(source, p_user_id => user_id, p_retry_of => error_id) from claim', 'SW102', null, 'which keeps others out');
do $$ begin perform pg_temp.at('12:05:01'); end $$;
create temp table second_claim as select * from syncwell.claim_due_retries(p_lease_for => '10 s');
select results_eq('select error_id, lease_until from second_claim', $$select id, timestamptz '2026-11-21 12:05:11+00' from made$$, 'what was not started is handed out again');
select throws_ok('select syncwell.record_sync_start(source, p_user_id => user_id, p_retry_of => error_id, p_retry_lease => retry_lease) from claim', 'SW102', null, 'the first claim is void');
do $$ begin perform pg_temp.at('12:05:11'); end $$;
select throws_ok('select syncwell.record_sync_start(source, p_user_id => user_id, p_retry_of => error_id, p_retry_lease => retry_lease) from second_claim', 'SW102', null, 'so is one that is over');
create temp table third_claim as select * from syncwell.claim_due_retries();
create temp table retry as select r.* from third_claim, syncwell.record_sync_start(source, sync_type, p_user_id => user_id, p_retry_of => error_id, p_retry_lease => retry_lease) as r;
select is((select attempt from retry), 2, 'started');
do $$ begin perform pg_temp.at('13:00'); end $$;
select is((select count(*) from syncwell.claim_due_retries()), 0::bigint, 'and not handed out while it runs');
do $$ begin perform syncwell.record_sync_error(event_id, lease, 'a', 'ECONNRESET') from retry; end $$;
select results_eq('select retry_count, next_retry_at from syncwell.sync_errors', $$values (2, timestamptz '2026-11-21 13:00:02+00')$$, 'the next retry waits longer');

-- order, limit, lanes
do $$ begin
  perform pg_temp.fail('b', 'late');
  perform syncwell.schedule_sync_retry((select id from syncwell.sync_errors where source = 'b'), '3 min');
  perform syncwell.schedule_sync_retry(pg_temp.fail('c', 'early'), '1 min');
  perform syncwell.schedule_sync_retry(pg_temp.fail('d', 'middle'), '2 min');
  update syncwell.sync_errors set lane = 'slow' where source = 'd';
  perform pg_temp.at('13:03');
end $$;
select results_eq('select source from syncwell.claim_due_retries(2)', $$values ('calls'), ('c')$$, 'the longest due first');
select results_eq('select source from syncwell.claim_due_retries()', $$values ('d'), ('b')$$, 'then the others, of the slow lane, too');
do $$ begin perform syncwell.mark_error_resolved(id) from syncwell.sync_errors; end $$;
do $$ begin perform syncwell.schedule_sync_retry(syncwell.create_sync_error('e', 'x'), '0'); end $$;
select results_eq('select source, sync_type, attempt from syncwell.claim_due_retries()', $$values ('e', 'incremental', 1)$$, 'one that no run met');

-- whose
do $$ begin
  perform syncwell.mark_error_resolved(id) from syncwell.sync_errors;
  perform syncwell.schedule_sync_retry(syncwell.create_sync_error('f', 'x'), '0');
  perform syncwell.act_as_org(test.org('b')), syncwell.schedule_sync_retry(syncwell.create_sync_error('f', 'x'), '0');
end $$;
select results_eq('select org_id from syncwell.claim_due_retries()', 'values (test.org(''b''))', 'an org gets its own');
do $$ begin perform pg_temp.at('14:00'), set_config('syncwell.org_id', '', true); end $$;
select is((select count(distinct org_id) from syncwell.claim_due_retries()), 2::bigint, 'a gateway that acts for nobody gets all');
do $$ begin update syncwell.sync_errors set retry_lease = null, retry_lease_until = null, next_retry_at = '2020-01-01' where resolved_at is null; end $$;
set session authorization b_service;
select is((select count(*) from syncwell.claim_due_retries()), 1::bigint, 'a service gets its org''s');
reset session authorization;
set session authorization operator;
select is((select count(*) from syncwell.claim_due_retries()), 1::bigint, 'an operator what is left of all');
reset session authorization;
set session authorization nobody_login;
select throws_ok('select syncwell.claim_due_retries()', 'SW001', null, 'nobody gets none');
reset session authorization;

select throws_ok('select syncwell.claim_due_retries(0)', '22023', null, 'no limit');
select throws_ok('select syncwell.claim_due_retries(1001)', '22023', null, 'too high a limit');
select throws_ok('select syncwell.claim_due_retries(null)', '22004', null, 'an unknown limit');
select throws_ok('select syncwell.claim_due_retries(1, null)', '22004', null, 'no time');
select throws_ok('select syncwell.claim_due_retries(1, ''0'')', '22023', null, 'too short a time');
select throws_ok('select syncwell.claim_due_retries(1, ''2 days'')', '22023', null, 'too long a time');
-- a probe for each source, and no more than asked for
do $$ begin
  perform syncwell.act_as_org(test.org('a'));
  update syncwell.sync_errors set resolved_at = '2026-11-21', next_retry_at = null, lane = 'none';
  for i in 1..3 loop
    perform syncwell.schedule_sync_retry(syncwell.create_sync_error('p' || i, 'x'), '0'), syncwell.schedule_sync_retry(syncwell.create_sync_error('p' || i, 'yy'), '0');
    insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
    values (test.org('a'), 'p' || i, 'open', '2026-11-21 12:00+00', '30 s', '2026-11-21 12:00:30+00');
  end loop;
  perform syncwell.schedule_sync_retry(syncwell.create_sync_error('q', 'x'), '0');
end $$;
select results_eq('select count(*), count(distinct source), bool_and(is_probe) from syncwell.claim_due_retries(2)', 'values (2::bigint, 2::bigint, true)', 'probes first, within the limit');
select results_eq('select source, is_probe from syncwell.claim_due_retries(10) order by is_probe', $$values ('q', false), ('p3', true)$$, 'then the rest');
-- whoever records for itself only, claims its own only
do $$ begin
  perform syncwell.schedule_sync_retry(syncwell.create_sync_error(source, 'x', p_user_id => test.id(login)), '0')
  from (values ('m', 'a_member'), ('o', 'a_other'), ('o2', 'a_other')) as e (source, login);
  update syncwell.sync_errors set retry_lease_until = null;
  insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
  values (test.org('a'), 'o2', 'open', '2026-11-21 12:00+00', '30 s', '2026-11-21 12:00:30+00');
  perform syncwell.act_as(test.id('a_member'));
end $$;
select results_eq('select source from syncwell.claim_due_retries()', $$values ('m')$$, 'a member: its own');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is((select count(*) from syncwell.claim_due_retries()), 0::bigint, 'an analyst: its own, too');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select bag_eq('select source, is_probe from syncwell.claim_due_retries()', $$values ('o', false), ('o2', true)$$, 'another member: its own, probes as well');
do $$ begin perform syncwell.act_as(test.id('a_admin')); end $$;
select is((select count(*) > 0 from syncwell.claim_due_retries()), true, 'an admin: those of the whole org');

select * from finish();
rollback;
