begin;
select plan(47);

-- A stream that succeeded on Tuesday at noon in Berlin, judged at p_at by that clock; p_facts says what else is known.
create function pg_temp.judge(p_at text, p_facts jsonb default '{}', p_settings jsonb default '{}')
returns table (
  status text, score numeric, freshness_score numeric, reliability_score numeric, queue_score numeric, drift_score numeric, speed_score numeric,
  freshness text, since timestamptz, expected_interval interval, due_at timestamptz, late_at timestamptz, stale_at timestamptz, reason text, advice text
)
language sql
as $$
  select h.*
  from syncwell._stream_status(
    jsonb_populate_record(
      null::syncwell.stream_facts,
      jsonb_build_object(
        'time_zone', 'Europe/Berlin', 'registered_at', '2026-03-01 12:00+01', 'created_at', '2026-03-01 12:00+01',
        'last_run_at', '2026-03-10 12:00+01', 'last_status', 'success', 'last_success_at', '2026-03-10 12:00+01',
        'consecutive_failures', 0, 'recent_outcomes', '1111'
      ) || p_facts
    ),
    jsonb_populate_record(null::syncwell.health_limits, (syncwell._health_settings(test.org('a'))).settings || p_settings),
    p_at::timestamp at time zone coalesce(p_facts ->> 'time_zone', 'Europe/Berlin')
  ) as h;
$$;
create function pg_temp.verdict(p_at text, p_facts jsonb default '{}', p_settings jsonb default '{}')
returns text
language sql
as $$
  select concat_ws(' ', h.status, h.freshness, coalesce(h.freshness_score::text, '-')) from pg_temp.judge(p_at, p_facts, p_settings) as h;
$$;
create function pg_temp.parts(p_facts jsonb, p_settings jsonb default '{}')
returns text
language sql
as $$
  select concat_ws(' ', coalesce(h.score::text, '-'), coalesce(h.queue_score::text, '-'), coalesce(h.drift_score::text, '-'), coalesce(h.speed_score::text, '-'))
  from pg_temp.judge('2026-03-10 12:00', p_facts, p_settings) as h;
$$;

-- which expectation holds: declared, cron, learned, setting
select is((select h.expected_interval from pg_temp.judge('2026-03-10 13:00') as h), '24:00:00', 'nothing declared or learned: the setting');
select is((select h.expected_interval from pg_temp.judge('2026-03-10 13:00', '{"learned_interval": "06:00:00"}') as h), '06:00:00', 'learned beats the setting');
select is(pg_temp.verdict('2026-03-10 18:36', '{"learned_interval": "06:00:00"}'), 'healthy fresh 100.0', 'with the grace of a declared one');
select is(pg_temp.verdict('2026-03-10 18:37', '{"learned_interval": "06:00:00"}'), 'late late 99.9', 'and late after it');
select is(pg_temp.verdict('2026-03-11 06:00', '{"learned_interval": "06:00:00"}'), 'unhealthy stale 0.0', 'stale at three of it');
select is(
  (select h.due_at from pg_temp.judge('2026-03-10 13:00', '{"learned_interval": "06:00:00", "cron": "0 9 * * *"}') as h), '2026-03-11 09:00+01', 'cron beats learned'
);
select is(
  (select h.due_at from pg_temp.judge('2026-03-10 13:00', '{"learned_interval": "06:00:00", "cron": "0 9 * * *", "expected_interval": "2 hours"}') as h),
  '2026-03-10 14:00+01', 'declared beats both'
);

-- active hours: nights, weekends, grace
select is(
  (select array[h.due_at, h.late_at, h.stale_at] from pg_temp.judge('2026-03-10 13:00', '{"expected_interval": "4 hours", "active_hours": "Mon-Fri 08:00-18:00"}') as h),
  '{2026-03-10 16:00+01, 2026-03-10 16:24+01, 2026-03-11 14:00+01}', 'due, late and stale pass in active time'
);
select is(pg_temp.verdict('2026-03-10 17:00', '{"expected_interval": "5 hours 45 minutes", "active_hours": "Mon-Fri 08:00-18:00"}'), 'healthy fresh 100.0', 'due at 17:45');
select is(pg_temp.verdict('2026-03-11 08:19', '{"expected_interval": "5 hours 45 minutes", "active_hours": "Mon-Fri 08:00-18:00"}'), 'healthy fresh 100.0', 'grace pauses overnight');
select is(pg_temp.verdict('2026-03-11 08:20', '{"expected_interval": "5 hours 45 minutes", "active_hours": "Mon-Fri 08:00-18:00"}'), 'late late 100.0', 'and ends the next morning, at 08:19:30');
select is(
  pg_temp.verdict('2026-03-16 08:29', '{"expected_interval": "1 hour", "active_hours": "Mon-Fri 08:00-18:00", "last_run_at": "2026-03-13 17:24+01", "last_success_at": "2026-03-13 17:24+01"}'),
  'healthy fresh 100.0', 'a weekend is not late'
);
select is(
  pg_temp.verdict('2026-03-16 08:31', '{"expected_interval": "1 hour", "active_hours": "Mon-Fri 08:00-18:00", "last_run_at": "2026-03-13 17:24+01", "last_success_at": "2026-03-13 17:24+01"}'),
  'late late 99.1', 'Monday is'
);
select is(
  pg_temp.verdict('2026-03-16 08:31', '{"expected_interval": "1 hour", "last_run_at": "2026-03-13 17:24+01", "last_success_at": "2026-03-13 17:24+01"}'),
  'unhealthy stale 0.0', 'the control: without active hours it is stale by then'
);
select is(pg_temp.verdict('2026-03-11 17:59', '{"active_hours": "Mon-Fri 08:00-18:00"}'), 'healthy fresh 100.0', 'health.stale_after counts active time as well');
select is(pg_temp.verdict('2026-03-12 16:01', '{"active_hours": "Mon-Fri 08:00-18:00"}'), 'late late 100.0', 'after 24 hours of it');
select is(
  (select h.due_at from pg_temp.judge('2026-03-10 13:00', '{"learned_interval": "14:00:00", "active_hours": "Mon-Fri 08:00-18:00"}') as h), '2026-03-11 02:00+01',
  'a learned interval has the night in it'
);
select is(
  (select h.late_at from pg_temp.judge('2026-03-10 13:00', '{"learned_interval": "14:00:00", "active_hours": "Mon-Fri 08:00-18:00"}') as h), '2026-03-11 09:24+01',
  'its grace passes by day: nobody is woken'
);
select is(
  (select h.late_at from pg_temp.judge('2026-03-12 08:00', '{"cron": "50 17 * * *", "active_hours": "Mon-Fri 08:00-18:00"}') as h), '2026-03-11 10:14+01',
  'so does that of a cron'
);
-- the nights of 2026 in which the clock changes: 23 and 25 hours
select is(
  pg_temp.verdict('2026-03-29 07:23', '{"expected_interval": "4 hours", "active_hours": "00:00-24:00", "last_run_at": "2026-03-29 00:00+01", "last_success_at": "2026-03-29 00:00+01"}'),
  'late late 73.9', 'Berlin in March: four hours from midnight are over at five by the clock'
);
select is(
  (select h.due_at from pg_temp.judge('2026-03-29 01:00', '{"expected_interval": "4 hours", "active_hours": "00:00-24:00", "last_run_at": "2026-03-29 00:00+01", "last_success_at": "2026-03-29 00:00+01"}') as h),
  '2026-03-29 05:00+02', 'as told'
);
select is(
  (
    select array[h.due_at, h.late_at]
    from pg_temp.judge('2026-11-01 01:00', '{"time_zone": "America/New_York", "expected_interval": "4 hours", "active_hours": "Sat-Sun 00:00-06:00", "last_run_at": "2026-11-01 00:00-04", "last_success_at": "2026-11-01 00:00-04"}') as h
  ),
  '{2026-11-01 03:00-05, 2026-11-01 03:24-05}', 'New York in November: at three'
);
select is(
  (
    select h.due_at
    from pg_temp.judge('2026-03-08 12:00', '{"time_zone": "America/New_York", "cron": "0 9 * * sat,sun", "last_run_at": "2026-03-07 09:00-05", "last_success_at": "2026-03-07 09:00-05"}') as h
  ),
  '2026-03-08 09:00-04', 'a cron follows the clock too'
);

-- pauses
select is(pg_temp.verdict('2026-03-20 12:00', '{"expected_interval": "1 hour"}'), 'unhealthy stale 0.0', 'the control: ten days without a success');
select is(pg_temp.verdict('2026-03-20 12:00', '{"expected_interval": "1 hour", "is_paused": true}'), 'healthy unknown -', 'during a pause nothing is expected');
select is((select h.due_at from pg_temp.judge('2026-03-20 12:00', '{"cron": "0 9 * * *", "is_paused": true, "next_sync_at": "2026-03-11 09:00+01"}') as h), null, 'by no cron either');
select is(
  pg_temp.verdict('2026-03-20 12:00', '{"expected_interval": "1 hour", "is_paused": true, "consecutive_failures": 3, "recent_outcomes": "1000"}'), 'unhealthy unknown -',
  'but failures are failures'
);
select is(
  (
    select array[h.status, h.reason, h.advice]
    from pg_temp.judge('2026-03-20 12:00', '{"expected_interval": "1 hour", "is_paused": true, "recent_outcomes": "", "last_run_at": null, "last_success_at": null}') as h
  ),
  '{unknown,"no run has ended with an outcome yet, and none is expected during a pause","Wait for the end of the pause."}', 'never ran, and paused: unknown, and why'
);
select is(pg_temp.verdict('2026-03-20 13:06', '{"expected_interval": "1 hour", "expect_from": "2026-03-20 12:00+01"}'), 'healthy unknown -', 'after it expectations count from its end, and freshness has to be shown anew');
select is(pg_temp.verdict('2026-03-20 13:07', '{"expected_interval": "1 hour", "expect_from": "2026-03-20 12:00+01"}'), 'late late 99.1', 'and end as ever');
select is(
  (select h.due_at from pg_temp.judge('2026-03-20 12:30', '{"cron": "0 9 * * *", "next_sync_at": "2026-03-11 09:00+01", "expect_from": "2026-03-20 12:00+01"}') as h), '2026-03-21 09:00+01',
  'dates of a cron within the pause are not missed'
);
select is(pg_temp.verdict('2026-03-10 12:30', '{"expected_interval": "1 hour", "expect_from": "2026-03-10 09:00+01"}'), 'healthy fresh 100.0', 'a pause before the last success is over and done with');
select is(
  pg_temp.verdict('2026-03-20 12:30', '{"recent_outcomes": "", "last_run_at": null, "last_success_at": null, "registered_at": null, "expect_from": "2026-03-20 12:00+01"}'), 'unknown unknown -',
  'a pause makes nobody expect what nobody declared'
);

-- when nothing evaluated
select is(pg_temp.verdict('2026-03-20 12:06', '{"expected_interval": "1 hour", "judge_from": "2026-03-20 12:00+01"}'), 'healthy unknown -', 'grace begins anew');
select is(pg_temp.verdict('2026-03-20 12:07', '{"expected_interval": "1 hour", "judge_from": "2026-03-20 12:00+01"}'), 'unhealthy stale 0.0', 'and what is overdue is judged after it');
select is(pg_temp.verdict('2026-03-20 12:04', '{"judge_from": "2026-03-20 12:00+01"}'), 'healthy unknown -', 'where an expectation has no grace, it is the least');
select is(pg_temp.verdict('2026-03-10 12:30', '{"expected_interval": "1 hour", "judge_from": "2026-03-10 12:29+01"}'), 'healthy fresh 100.0', 'what is not due is fresh');
select is(
  pg_temp.verdict('2026-03-16 08:04', '{"expected_interval": "1 hour", "active_hours": "Mon-Fri 08:00-18:00", "judge_from": "2026-03-15 12:00+01"}'), 'healthy unknown -',
  'it is active time that passes'
);

-- parts of the score: queue 100 up to five minutes, 0 at a day, with the logarithm between
select is(pg_temp.parts('{}'), '100.0 - - -', 'what nobody told is unknown, and gives its weight to the others');
select is(pg_temp.parts('{"queue_reported_at": "2026-03-10 12:00+01"}'), '100.0 100.0 - -', 'nothing waits');
select results_eq(
  $$select (pg_temp.judge('2026-03-10 12:00', jsonb_build_object('queue_reported_at', '2026-03-10 12:00+01', 'queue_oldest_at', timestamptz '2026-03-10 12:00+01' - w.age))).queue_score
    from unnest('{5 minutes, 10 minutes, 1 hour 24 minutes 51 seconds, 12 hours, 24 hours, 30 days, -1 minute}'::interval[]) with ordinality as w (age, n) order by n$$,
  $$values (100.0), (87.8), (50.0), (12.2), (0.0), (0.0), (100.0)$$, 'the oldest that waits: doubling costs the same everywhere, half at the geometric mean'
);
select is(pg_temp.parts('{"queue_reported_at": "2026-03-10 12:00+01", "queue_oldest_at": "2026-03-10 11:00+01"}', '{"health.queue_good": "01:00:00", "health.queue_bad": "00:30:00"}'),
  '100.0 100.0 - -', 'limits that cross break nothing');
-- drift
select results_eq(
  $$select (pg_temp.judge('2026-03-10 12:00', jsonb_build_object('drift_severity', d.severity, 'drift_percent', d.percent))).drift_score
    from (values (1, 'learning', -80), (2, 'none', -80), (3, 'warning', -37.5), (4, 'critical', -100), (5, 'critical', 640)) as d (n, severity, percent) order by d.n$$,
  $$values (null::numeric), (100.0), (62.5), (0.0), (0.0)$$, 'drift: unknown while learning, else only what is significant'
);
-- speed
select results_eq(
  $$select (pg_temp.judge('2026-03-10 12:00', jsonb_build_object('usual_runs', s.runs, 'usual_duration_ms', s.usual, 'last_duration_ms', s.last, 'last_status', s.status))).speed_score
    from (
      values (1, 9, 1000, 1, 'success'), (2, 10, 1000, 1000, 'success'), (3, 10, 1000, 2500, 'partial'), (4, 10, 1000, 4000, 'success'), (5, 10, 1000, 9000, 'success'),
        (6, 10, 1000, 9000, 'failed'), (7, 10, 0, 2, 'success'), (8, 0, null, 2, 'success')
    ) as s (n, runs, usual, last, status) order by s.n$$,
  $$values (null::numeric), (100.0), (50.0), (0.0), (0.0), (null), (66.7), (null)$$, 'speed: of ten runs or more to compare with, of a run that succeeded'
);
select is(
  pg_temp.parts('{"queue_reported_at": "2026-03-10 12:00+01", "queue_oldest_at": "2026-03-09 12:00+01", "drift_severity": "critical", "drift_percent": -100, "usual_runs": 10, "usual_duration_ms": 10, "last_duration_ms": 40}'),
  '65.0 0.0 0.0 0.0', 'weights 35, 30, 15, 10, 10'
);
select is(
  pg_temp.parts('{"queue_reported_at": "2026-03-10 12:00+01", "queue_oldest_at": "2026-03-09 12:00+01"}'), '81.3 0.0 - -', 'of those that are known: 65 of 80'
);
select is(
  pg_temp.parts('{"queue_reported_at": "2026-03-10 12:00+01", "queue_oldest_at": "2026-03-09 12:00+01"}', '{"health.weight_freshness": "0", "health.weight_reliability": "0", "health.weight_queue": "0"}'),
  '- 0.0 - -', 'where nothing weighs, there is no score'
);

select * from finish();
rollback;
