begin;
select plan(24);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 12:30+00', 'a_member'); end $$;
select is_empty('select * from syncwell.get_sync_metrics()', 'no stream, no row');
do $$ begin perform syncwell.register_stream('idle'); end $$;
select results_eq(
  'select metric_type, period_start, source, total_syncs, successful_syncs, failed_syncs, success_rate, error_rate, total_items_synced, average_duration_ms, p50_duration_ms, p99_duration_ms, last_updated from syncwell.get_sync_metrics(''idle'')',
  $$values ('summary', null::timestamptz, 'idle', 0::bigint, 0::bigint, 0::bigint, null::numeric, null::numeric, null::numeric,
    null::double precision, null::double precision, null::double precision, '2026-03-10 12:30+00'::timestamptz)$$,
  'nothing ran: the counts are 0, all else is unknown'
);

do $$
begin
  -- 100 runs of 1 to 100 seconds, the slow ones first: percentiles are their ranks
  for v_i in 1..100 loop
    perform test.run('calls', '2026-03-10 10:00+00'::timestamptz + v_i * interval '1 second', 'success', 101 - v_i, v_i);
  end loop;
  perform test.run('calls', '2026-03-10 11:05+00', 'success', 1);
  perform test.run('calls', '2026-03-10 11:10+00', 'partial', 2, 5);
  perform test.run('calls', '2026-03-10 11:15+00', 'failed', 3);
  perform test.run('calls', '2026-03-10 11:20+00', 'cancelled', 1000);
  perform test.run('calls', '2026-03-10 12:00+00', 'started');
  perform test.run('sms', '2026-03-10 11:59:59+00', 'failed', 4);
  perform test.at('2026-03-10 12:30+00');
end
$$;
select results_eq(
  'select metric_type, period_start, source, total_syncs, successful_syncs, failed_syncs, success_rate, error_rate, total_items_synced, average_duration_ms from syncwell.get_sync_metrics()',
  $$values
    ('hourly', '2026-03-10 12:00+00'::timestamptz, 'calls', 1::bigint, 0::bigint, 0::bigint, null::numeric, null::numeric, null::numeric,
      null::double precision),
    ('hourly', '2026-03-10 11:00+00', 'calls', 4, 2, 1, 2 / 3.0, 1 / 3.0, 5, 2000),
    ('hourly', '2026-03-10 11:00+00', 'sms', 1, 0, 1, 0, 1, null, 4000),
    ('hourly', '2026-03-10 10:00+00', 'calls', 100, 100, 0, 1, 0, 5050, 50500),
    ('summary', null, null, 106, 102, 2, 102 / 104.0, 2 / 104.0, 5055,
      (5050 + 6 + 4) * 1000 / 104.0::double precision)$$,
  'per hour and source, newest first, and all in all; open and cancelled runs have no share in rates and durations'
);
select results_eq(
  $$select abs(p50_duration_ms / w.p50 - 1) <= 0.01084, abs(p95_duration_ms / w.p95 - 1) <= 0.01084, abs(p99_duration_ms / w.p99 - 1) <= 0.01084
    from syncwell.get_sync_metrics() as m
    left join (values
      ('2026-03-10 11:00+00'::timestamptz, 'calls', 2000, 3000, 3000), ('2026-03-10 11:00+00', 'sms', 4000, 4000, 4000),
      ('2026-03-10 10:00+00', 'calls', 50000, 95000, 99000), (null, null, 48000, 95000, 99000)
    ) as w (period_start, source, p50, p95, p99)
      on w.period_start is not distinct from m.period_start and w.source is not distinct from m.source$$,
  $$values (null::boolean, null::boolean, null::boolean), (true, true, true), (true, true, true), (true, true, true), (true, true, true)$$,
  'percentiles are nearest ranks within 1.083 %'
);
select results_eq(
  'select metric_type, total_syncs from syncwell.get_sync_metrics(''calls'', ''hour'', 2)',
  $$values ('hourly', 1::bigint), ('hourly', 4), ('summary', 5)$$, 'the limit is how many periods back; the filter comes before it'
);
select is((select source from syncwell.get_sync_metrics('calls', 'hour', 2) where metric_type = 'summary'), 'calls', 'the summary of the source asked for');
select is_empty('select * from syncwell.get_sync_metrics(''nothing'')', 'a filter that matches nothing gives no rows');

-- days and weeks by the clock of Berlin, the org's: on 29 March 2026 a day has 23 hours
do $$
begin
  perform test.run('daily', '2026-03-28 22:59+00', 'success');
  perform test.run('daily', '2026-03-28 23:01+00', 'success');
  perform test.run('daily', '2026-03-29 21:59+00', 'success');
  perform test.run('daily', '2026-03-29 22:01+00', 'success');
  perform test.at('2026-03-30 12:00+00');
end
$$;
select results_eq(
  'select metric_type, period_start, total_syncs from syncwell.get_sync_metrics(''daily'', ''day'')',
  $$values ('daily', '2026-03-29 22:00+00'::timestamptz, 1::bigint), ('daily', '2026-03-28 23:00+00', 2), ('daily', '2026-03-27 23:00+00', 1), ('summary', null, 4)$$,
  'a day begins at midnight of the org''s zone, also where the clock is put forward'
);
select results_eq(
  'select period_start, total_syncs from syncwell.get_sync_metrics(''daily'', ''day'', 2)',
  $$values ('2026-03-29 22:00+00'::timestamptz, 1::bigint), ('2026-03-28 23:00+00', 2), (null, 3)$$,
  'two days back is two midnights back, not 48 hours'
);
select results_eq(
  'select metric_type, period_start, total_syncs from syncwell.get_sync_metrics(''daily'', ''week'')',
  $$values ('weekly', '2026-03-29 22:00+00'::timestamptz, 1::bigint), ('weekly', '2026-03-22 23:00+00', 3), ('summary', null, 4)$$,
  'a week begins on Monday'
);
do $$ begin perform syncwell.register_stream('daily', p_time_zone => 'Asia/Tokyo'); end $$;
select results_eq(
  'select period_start, total_syncs from syncwell.get_sync_metrics(''daily'', ''day'')',
  $$values ('2026-03-29 15:00+00'::timestamptz, 2::bigint), ('2026-03-28 15:00+00', 2), (null, 4)$$,
  'a stream''s own zone beats the org''s'
);
select is(
  (select max(period_start) from syncwell.get_sync_metrics(null, 'day')), '2026-03-29 22:00+00'::timestamptz,
  'several zones: one calendar, the org''s'
);
do $$ begin perform syncwell.register_stream('daily', p_time_zone => 'Asia/Kolkata'); end $$;
select is((select min(period_start) from syncwell.get_sync_metrics('daily', 'hour', 48)), '2026-03-28 22:00+00'::timestamptz, 'hours are the same everywhere');
do $$ begin perform syncwell.register_stream('daily', p_time_zone => 'Asia/Tokyo'); end $$;
set time zone 'America/New_York';
select is((select max(period_start) from syncwell.get_sync_metrics('daily', 'day')), '2026-03-29 15:00+00'::timestamptz, 'whatever the session''s zone is');
set time zone 'UTC';

-- who sees what
do $$ begin perform test.at('2026-03-10 12:30+00', 'a_other'); perform test.run('calls', '2026-03-10 12:00+00', 'success'); end $$;
select is((select total_syncs from syncwell.get_sync_metrics() where metric_type = 'summary'), 1::bigint, 'a member sees his own runs');
select throws_ok(format('select * from syncwell.get_sync_metrics(p_user_id => %L)', test.id('a_member')), 'SW002', 'unknown user', 'and not another''s');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select results_eq(
  'select source, total_syncs from syncwell.get_sync_metrics(''calls'', ''hour'', 1)', $$values ('calls', 2::bigint), ('calls', 2)$$,
  'an analyst sees a source over all users'
);
select is((select total_syncs from syncwell.get_sync_metrics('calls', 'hour', 1, test.id('a_other')) limit 1), 1::bigint, 'or one of them');

select throws_ok('select * from syncwell.get_sync_metrics(null, ''month'')', '22023', 'unknown period', 'no such period');
select throws_ok('select * from syncwell.get_sync_metrics(null, null)', '22004', 'a period is needed', 'no period');
select throws_ok('select * from syncwell.get_sync_metrics(p_limit => 0)', '22023', null, 'a limit too small');
select throws_ok('select * from syncwell.get_sync_metrics(p_limit => 1001)', '22023', null, 'a limit too large');
select throws_ok('select * from syncwell.get_sync_metrics(p_limit => null)', '22004', null, 'no limit');
select lives_ok('select * from syncwell.get_sync_metrics(p_period => ''week'', p_limit => 1000)', 'a thousand weeks');

select * from finish();
rollback;
