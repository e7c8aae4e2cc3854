begin;
select plan(41);

-- a stream that succeeded at noon, expected hourly, unless told otherwise; judged p_after that noon
create function pg_temp.judge(
  p_after interval,
  p_outcomes text default '1',
  p_failures integer default 0,
  p_interval interval default '1 hour',
  p_last_status text default 'success',
  p_settings jsonb default '{}',
  p_success boolean default true,
  p_ran boolean default true,
  p_cron text default null,
  p_next timestamptz default null,
  p_registered boolean default true
)
returns setof record
language sql
as $$
  select h.*
  from (values (timestamptz '2026-03-10 12:00+00')) as t (noon)
  cross join lateral syncwell._stream_status(
    jsonb_populate_record(
      null::syncwell.stream_facts,
      jsonb_build_object(
        'expected_interval', p_interval, 'cron', p_cron, 'time_zone', 'Europe/Berlin',
        'registered_at', case when p_registered then t.noon end, 'created_at', t.noon,
        'last_run_at', case when p_ran then t.noon end, 'last_status', case when p_ran then p_last_status end,
        'last_success_at', case when p_success then t.noon end,
        'last_failed_at', case when p_failures > 0 then t.noon end,
        'consecutive_failures', p_failures, 'recent_outcomes', p_outcomes, 'next_sync_at', p_next
      )
    ),
    jsonb_populate_record(null::syncwell.health_limits, (syncwell._health_settings(test.org('a'))).settings || p_settings),
    t.noon + p_after
  ) as h;
$$;
create function pg_temp.verdict(
  p_after interval,
  p_outcomes text default '1',
  p_failures integer default 0,
  p_interval interval default '1 hour',
  p_last_status text default 'success',
  p_settings jsonb default '{}',
  p_success boolean default true,
  p_ran boolean default true,
  p_cron text default null,
  p_next timestamptz default null,
  p_registered boolean default true
)
returns text
language sql
as $$
  select concat_ws(' ', h.status, coalesce(h.score::text, '-'), coalesce(h.freshness_score::text, '-'), coalesce(h.reliability_score::text, '-'))
  from pg_temp.judge(
    p_after, p_outcomes, p_failures, p_interval, p_last_status, p_settings, p_success, p_ran, p_cron, p_next, p_registered
  ) as h (
    status text, score numeric, freshness_score numeric, reliability_score numeric, queue_score numeric, drift_score numeric,
    speed_score numeric, freshness text, since timestamptz, expected_interval interval, due_at timestamptz,
    late_at timestamptz, stale_at timestamptz, reason text, advice text
  );
$$;

-- one hour and 6 minutes (10 %) are grace; three hours are stale
select is(pg_temp.verdict('66 min'), 'healthy 100.0 100.0 100.0', 'within the interval and its grace');
select is(pg_temp.verdict('66 min 1 sec'), 'late 100.0 100.0 100.0', 'past due plus grace is late');
select is(pg_temp.verdict('123 min'), 'late 73.1 50.0 100.0', 'freshness falls evenly from grace to three intervals');
select is(pg_temp.verdict('179 min 59 sec'), 'late 46.2 0.0 100.0', 'until just before three intervals');
select is(pg_temp.verdict('3 hours'), 'unhealthy 46.2 0.0 100.0', 'stale at three intervals');
select is(pg_temp.verdict('6 min', p_interval => '1 min'), 'healthy 100.0 100.0 100.0', 'grace is five minutes at least');
select is(pg_temp.verdict('6 min 30 sec', p_interval => '1 min'), 'late 73.1 50.0 100.0', 'however short the interval, late comes before unhealthy');
select is(pg_temp.verdict('7 min', p_interval => '1 min'), 'unhealthy 46.2 0.0 100.0', 'and unhealthy after it');
select is(pg_temp.verdict('3 min', p_settings => '{"health.grace_minimum": "00:00:00", "health.grace_ratio": "0"}', p_interval => '1 min'),
  'unhealthy 46.2 0.0 100.0', 'grace is a setting');
select is(pg_temp.verdict('3 hours', p_settings => '{"health.stale_intervals": "5"}'), 'late 73.8 51.3 100.0', 'so are the intervals until stale');

-- no interval: setting health.stale_after is the limit itself
select is(pg_temp.verdict('24 hours', p_interval => null), 'healthy 100.0 100.0 100.0', 'nothing declared: fresh for 24 hours');
select is(pg_temp.verdict('24 hours 1 sec', p_interval => null), 'late 100.0 100.0 100.0', 'and late right after, without grace');
select is(pg_temp.verdict('72 hours', p_interval => null), 'unhealthy 46.2 0.0 100.0', 'stale at three times that');
select is(pg_temp.verdict('2 hours', p_interval => null, p_settings => '{"health.stale_after": "1 hour"}'), 'late 73.1 50.0 100.0', 'the limit is a setting');

-- failures
select is(pg_temp.verdict('1 min', '0', 1, p_success => false), 'degraded 0.0 - 0.0', 'a first run that failed: freshness is unknown, not good');
select alike(pg_temp.verdict('1 min', '110', 1), 'degraded %', 'one failure degrades');
select alike(pg_temp.verdict('1 min', '1100', 2), 'degraded %', 'two as well');
select alike(pg_temp.verdict('1 min', '11000', 3), 'unhealthy %', 'three in a row are unhealthy');
select alike(pg_temp.verdict('1 min', '1100', 2, p_settings => '{"runs.failure_threshold": "2"}'), 'unhealthy %', 'the threshold is the setting of runs');
select alike(pg_temp.verdict('1 min', '10001'), 'degraded %', 'one success ends the streak and is not enough');
select alike(pg_temp.verdict('1 min', '100011'), 'healthy %', 'the second makes it healthy');
select alike(pg_temp.verdict('1 min', '100011', p_settings => '{"health.recovery_threshold": "3"}'), 'degraded %', 'how many is a setting');
select alike(pg_temp.verdict('1 min', '1'), 'healthy %', 'a first success has nothing to recover from');
select alike(pg_temp.verdict('1 min', '111', p_last_status => 'partial'), 'degraded %', 'a partial run degrades');
select alike(pg_temp.verdict('2 hours', '110', 1), 'degraded %', 'degraded is worse than late');
select is(
  (
    select h.reason
    from pg_temp.judge('2 hours', '110', 1) as h (
      status text, score numeric, freshness_score numeric, reliability_score numeric, queue_score numeric, drift_score numeric,
      speed_score numeric, freshness text, since timestamptz, expected_interval interval, due_at timestamptz,
      late_at timestamptz, stale_at timestamptz, reason text, advice text
    )
  ),
  'the last run failed; the next success is overdue', 'and the reason names both'
);

-- reliability: weights 1, 0.9, 0.81 from the newest on; 25 points off for each failure in a row
select is(pg_temp.verdict('1 min', '011', p_settings => '{"health.recency_decay": "1"}'), 'healthy 84.6 100.0 66.7', 'evenly weighted: the plain share');
select is(pg_temp.verdict('1 min', '011'), 'healthy 86.2 100.0 70.1', 'an old failure weighs less');
select is(pg_temp.verdict('1 min', '110', 1, p_settings => '{"health.recency_decay": "1"}'), 'degraded 73.1 100.0 41.7', 'minus 25 points for a failure in a row');
select is(pg_temp.verdict('1 min', '11000', 3), 'unhealthy 53.8 100.0 0.0', 'never below 0');
select is(pg_temp.verdict('1 min', '011', p_settings => '{"health.weight_reliability": "0"}'), 'healthy 100.0 100.0 70.1', 'weights are settings');

-- no evidence
select is(pg_temp.verdict('1 min', '', p_success => false, p_ran => false), 'unknown - - -', 'registered, never ran, not due: unknown');
select alike(pg_temp.verdict('67 min', '', p_success => false, p_ran => false), 'late %', 'registered, never ran, overdue: late');
select is(pg_temp.verdict('3 hours', '', p_success => false, p_ran => false), 'unhealthy 0.0 0.0 -', 'then unhealthy, and reliability stays unknown');
select is(pg_temp.verdict('30 days', '', p_interval => null, p_success => false, p_ran => false), 'unknown - - -', 'never ran, and nothing expected: unknown for ever');

-- cron in its time zone: 06:00 in Berlin is 05:00 UTC
select is(pg_temp.verdict('17 hours', p_interval => null, p_cron => '0 6 * * *'), 'healthy 100.0 100.0 100.0', 'cron: due the next morning');
select alike(pg_temp.verdict('19 hours 24 min 1 sec', p_interval => null, p_cron => '0 6 * * *'), 'late %', 'grace is a tenth of the day between two mornings');
select alike(pg_temp.verdict('65 hours', p_interval => null, p_cron => '0 6 * * *'), 'unhealthy %', 'stale when the third date has passed');

select is(pg_temp.verdict('65 hours', p_interval => null, p_cron => '0 6 * * *', p_next => '2026-03-20 05:00+00'), 'healthy 100.0 100.0 100.0',
  'the next date is taken as runs keep it');
select alike(
  pg_temp.verdict('65 hours', '0', 1, p_interval => null, p_success => false, p_cron => '0 6 * * *', p_next => '2026-03-20 05:00+00'),
  'unhealthy 0.0 0.0 %', 'unless the last run was no success: a failure moves no due date'
);
select alike(pg_temp.verdict('17 hours 10 min', p_interval => null, p_cron => '0 6,7 * * *'), 'late %', 'grace goes by the shortest gap of a schedule');

select * from finish();
rollback;
