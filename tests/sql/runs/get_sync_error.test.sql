begin;
select plan(8);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create temp table made as select r.event_id, r.stream_id, e.error_id from syncwell.record_sync_start('calls', p_user_id => test.id('a_member')) as r,
  syncwell.record_sync_error(r.event_id, r.lease, 'text', 'ECONNRESET', 502, '{"a": 1}') as e;
select results_eq('select e.* from made, syncwell.get_sync_error(error_id) as e',
  $$select error_id, stream_id, 'calls', test.id('a_member'), event_id, 'ECONNRESET', 'transient', 'ECONNRESET', 502, 'text', '{"a": 1}'::jsonb, 1,
  timestamptz '2026-11-21 12:00:01+00', 'fast', 'retry', 1::bigint, timestamptz '2026-11-21 12:00+00', timestamptz '2026-11-21 12:00+00', null::timestamptz,
  timestamptz '2026-11-21 12:00+00' from made$$, 'the error');
select throws_ok('select syncwell.get_sync_error(null)', '22004', null, 'none');
select throws_ok('select syncwell.get_sync_error(test.id(''x''))', 'SW104', 'unknown sync error', 'an unknown one');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select throws_ok('select syncwell.get_sync_error(error_id) from made', 'SW104', 'unknown sync error', 'one of another org');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select throws_ok('select syncwell.get_sync_error(error_id) from made', 'SW104', 'unknown sync error', 'one of another member');
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select lives_ok('select syncwell.get_sync_error(error_id) from made', 'its owner');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select lives_ok('select syncwell.get_sync_error(error_id) from made', 'an analyst');
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
select results_eq('select e.error_message, e.error_details from made, syncwell.get_sync_error(error_id) as e', 'values (null::text, null::jsonb)', 'no details without consent');

select * from finish();
rollback;
