begin;
select plan(10);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;
select is_empty('select * from syncwell.compare_sources()', 'no stream, no row');
do $$
begin
  perform syncwell.register_stream('idle');
  perform test.run('calls', '2026-03-03 10:00+00', 'success', p_items => 10);
  perform test.run('calls', '2026-03-03 12:00+00', 'success', p_items => 10);
  perform test.run('calls', '2026-03-09 11:00+00', 'success', p_items => 10);
  perform test.run('calls', '2026-03-10 10:30+00', 'failed');
  perform test.run('sms', '2026-03-10 10:40+00', 'success', p_items => 10);
  perform test.run('sms', '2026-03-10 10:41+00', 'cancelled', p_items => 10);
  perform test.at('2026-03-10 11:00+00');
end
$$;
select results_eq(
  'select source, status, streams, total_syncs, success_rate, p95_duration_ms, total_items_synced, last_success_at, freshness_score, drift_percent from syncwell.compare_sources()',
  $$values
    ('calls', 'degraded', 1::bigint, 2::bigint, 0.5, 10000::double precision, 10::numeric, '2026-03-09 11:00:10+00'::timestamptz, 100.0, null::numeric),
    ('idle', 'unknown', 1, 0, null, null, null, null, null, null),
    ('sms', 'healthy', 1, 2, 1, 10000, 10, '2026-03-10 10:40:10+00', 100.0, null)$$,
  'the last 24 hours; a rate of nothing is unknown, and cancelled runs have no share in it'
);
select results_eq('select total_syncs from syncwell.compare_sources(''hour'')', $$values (1::bigint), (0), (2)$$, 'the last hour');
select results_eq('select total_syncs from syncwell.compare_sources(''week'')', $$values (3::bigint), (0), (2)$$, 'the last seven days');
select throws_ok('select * from syncwell.compare_sources(''month'')', '22023', 'unknown period', 'no such period');
select throws_ok('select * from syncwell.compare_sources(null)', '22004', 'a period is needed', 'none');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select is_empty('select * from syncwell.compare_sources()', 'another member sees none of it');
select throws_ok(format('select * from syncwell.compare_sources(''day'', %L)', test.id('a_member')), 'SW002', 'unknown user', 'nor may he ask');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is((select count(*) from syncwell.compare_sources('day', test.id('a_member'))), 3::bigint, 'an analyst may');

-- six weeks of sixty items an hour, then half of that for a day
do $$
begin
  insert into syncwell.streams (org_id, user_id, source, created_at) values (test.org('a'), test.id('a_member'), 'items', '2026-01-01 00:00+00');
  insert into syncwell.sync_events (
    org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms, items_processed, lease
  )
  select
    s.org_id, overlay(gen_random_uuid()::text placing left(syncwell._uuid7_floor(t.at)::text, 14) from 1)::uuid, s.stream_id, s.user_id, s.source,
    'incremental', 'success', t.at, t.at + interval '1 second', 1000, case when t.at < '2026-03-09 11:00+00' then 60 else 30 end, s.stream_id
  from syncwell.streams as s
  cross join generate_series(timestamptz '2026-01-26 11:00+00', '2026-03-10 10:00+00', '1 hour') as t (at)
  where s.org_id = test.org('a') and s.source = 'items';
  perform test.at('2026-03-09 11:30+00');
  perform syncwell._learn_volumes(test.org('a'), true);
  perform test.at('2026-03-10 11:30+00');
end
$$;
select results_eq(
  $$select source, drift_percent between -55 and -45 from syncwell.compare_sources('day', test.id('a_member'))$$,
  $$values ('calls', null::boolean), ('idle', null), ('items', true), ('sms', null)$$, 'the drift of each source whose volume was learned'
);

select * from finish();
rollback;
