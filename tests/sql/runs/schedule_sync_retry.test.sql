begin;
select plan(15);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create temp table made as select syncwell.create_sync_error('hooks', 'x') as id;
select is((select syncwell.schedule_sync_retry(id, '5 min') from made), '2026-11-21 12:05+00', 'when');
select results_eq('select retry_count, next_retry_at, lane, reason from syncwell.sync_errors',
  $$values (1, timestamptz '2026-11-21 12:05+00', 'fast', 'scheduled')$$, 'counted');
select is((select syncwell.schedule_sync_retry(id) from made), '2026-11-21 12:00:02+00', 'by default as long as the next retry waits');
do $$ begin update syncwell.sync_errors set retry_count = 5; end $$;
select is((select syncwell.schedule_sync_retry(id) from made), '2026-11-21 12:15+00', 'in the slow lane once those are used up');
select is((select retry_count from syncwell.sync_errors), 6, 'counted all the same');
select is((select syncwell.schedule_sync_retry(id, '0') from made), '2026-11-21 12:00+00', 'or at once');
create temp table claim as select * from syncwell.claim_due_retries();
select is((select count(*) from claim), 1::bigint, 'then it is handed out');
do $$ begin perform syncwell.schedule_sync_retry(id, '0') from made; end $$;
select throws_ok('select syncwell.record_sync_start(''hooks'', p_retry_of => error_id, p_retry_lease => retry_lease) from claim', 'SW102', null,
  'a newer decision makes the claim void');
select throws_ok('select syncwell.schedule_sync_retry(id, ''-1 s'') from made', '22023', null, 'a negative delay');
select throws_ok('select syncwell.schedule_sync_retry(id, ''2 years'') from made', '22023', null, 'too long a delay');
select throws_ok('select syncwell.schedule_sync_retry(null)', '22004', null, 'no error');
select throws_ok('select syncwell.schedule_sync_retry(test.id(''x''))', 'SW104', null, 'an unknown one');
do $$ begin perform syncwell.mark_error_resolved(id) from made; end $$;
select throws_ok('select syncwell.schedule_sync_retry(id) from made', 'SW106', null, 'a resolved one');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select throws_ok('select syncwell.schedule_sync_retry(id) from made', 'SW104', 'unknown sync error', 'one of another org');
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select throws_ok('select syncwell.mark_error_resolved(id) from made', 'SW104', 'unknown sync error', 'a member has no hand in the org''s own');

select * from finish();
rollback;
