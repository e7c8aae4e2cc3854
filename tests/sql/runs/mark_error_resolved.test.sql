begin;
select plan(12);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create temp table made as select e.* from syncwell.record_sync_start('calls', p_user_id => test.id('a_member')) as r, syncwell.record_sync_error(r.event_id, r.lease, 'x') as e;
do $$ begin perform pg_temp.at('12:01'); end $$;
select is((select syncwell.mark_error_resolved(error_id) from made), true, 'resolves');
select results_eq('select resolved_at, next_retry_at, lane from syncwell.sync_errors', $$values (timestamptz '2026-11-21 12:01+00', null::timestamptz, 'none')$$, 'and ends the retries');
do $$ begin perform pg_temp.at('12:02'); end $$;
select is((select syncwell.mark_error_resolved(error_id) from made), false, 'twice changes nothing');
select is((select resolved_at from syncwell.sync_errors), '2026-11-21 12:01+00', 'the first one counts');
select is((select consecutive_failures from syncwell.sync_state), 1, 'the health stays as the runs made it');
select throws_ok('select syncwell.mark_error_resolved(null)', '22004', null, 'no error');
select throws_ok('select syncwell.mark_error_resolved(test.id(''x''))', 'SW104', 'unknown sync error', 'an unknown one');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select throws_ok('select syncwell.mark_error_resolved(error_id) from made', 'SW104', 'unknown sync error', 'one of another org');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select throws_ok('select syncwell.mark_error_resolved(error_id) from made', 'SW104', 'unknown sync error', 'one of another member');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select throws_ok('select syncwell.mark_error_resolved(error_id) from made', 'SW104', 'unknown sync error', 'an analyst sees it, but does not change it');
select throws_ok('select syncwell.schedule_sync_retry(error_id) from made', 'SW104', 'unknown sync error', 'in no way');
do $$ begin perform syncwell.act_as(test.id('a_admin')); end $$;
select lives_ok('select syncwell.mark_error_resolved(error_id) from made', 'an admin does');

select * from finish();
rollback;
