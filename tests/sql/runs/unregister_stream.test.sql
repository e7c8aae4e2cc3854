begin;
select plan(13);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create temp table made as select syncwell.register_stream('calls', p_expected_interval => '1 hour', p_cron => '0 * * * *', p_slo => 0.9) as id;
create temp table run as select * from syncwell.record_sync_start('calls');
create temp table failure as
select e.* from run cross join lateral syncwell.record_sync_error(run.event_id, run.lease, 'x', 'ECONNRESET') as e;
select is(syncwell.unregister_stream('calls'), true, 'retires the stream');
select results_eq(
  'select retired_at, registered_at, expected_interval, cron, slo from syncwell.streams',
  $$values (timestamptz '2026-11-21 12:00+00', null::timestamptz, null::interval, null::text, null::numeric)$$, 'nothing is expected of it'
);
select results_eq('select expected_interval, next_sync_at from syncwell.sync_state',
  'values (null::interval, null::timestamptz)', 'nor of its state');
select is((select count(*) from syncwell.sync_events), 1::bigint, 'history stays');
select is((select count(*) from syncwell.get_recent_sync_events()), 0::bigint, 'reports leave it out');
do $$ begin perform pg_temp.at('13:00'); end $$;
select is((select count(*) from syncwell.claim_due_retries()), 0::bigint, 'its errors are not retried');
select is(syncwell.unregister_stream('calls'), false, 'twice changes nothing');
select is((select stream_id from syncwell.record_sync_start('calls')), (select id from made), 'a run brings it back');
select results_eq('select retired_at, registered_at from syncwell.streams',
  'values (null::timestamptz, null::timestamptz)', 'undeclared');
select throws_ok($$select syncwell.unregister_stream('sms')$$, 'SW105', 'unknown stream', 'unknown');
select throws_ok($$select syncwell.unregister_stream('calls', test.id('a_member'))$$, 'SW105', null, 'another user''s');
select throws_ok($$select syncwell.unregister_stream(null)$$, '22004', null, 'no source');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select throws_ok($$select syncwell.unregister_stream('calls')$$, 'SW105', 'unknown stream', 'another org''s');

select * from finish();
rollback;
