begin;
select plan(34);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
do $$ begin perform test.at('2026-03-08 10:00+00', 'a_member'); end $$;
select is((select count(*) from syncwell.get_sync_health_history()), 0::bigint, 'no stream, no row');
do $$ begin perform test.run('calls', '2026-03-10 09:30+00', 'success', 10, 5); perform test.run('calls', '2026-03-10 09:40+00', 'failed', 20); perform test.run('calls', '2026-03-10 09:50+00', 'partial', 30, 7);
  perform test.run('calls', '2026-03-10 07:10+00', 'cancelled'); perform test.run('calls', '2026-03-09 22:59+00', 'success', 0); perform test.run('calls', '2026-03-09 23:01+00', 'success', 1); end $$;
insert into syncwell.stream_periods (org_id, stream_id, starts_at, ends_at, user_id, source, status, overlay, score)
select s.org_id, s.stream_id, v.from::timestamptz, v.to::timestamptz, s.user_id, s.source, v.status, v.overlay, v.score
from syncwell.streams as s
cross join (
  values
  ('2026-03-10 06:00+00', '2026-03-10 07:30+00', 'healthy', null, 100), ('2026-03-10 07:30+00', '2026-03-10 07:45+00', 'late', null, 60),
  ('2026-03-10 07:45+00', '2026-03-10 08:00+00', 'degraded', 'excluded', 20), ('2026-03-10 08:00+00', '2026-03-10 08:30+00', 'unhealthy', 'muted', 0),
  ('2026-03-10 08:30+00', '2026-03-10 09:00+00', 'healthy', 'paused', 90), ('2026-03-10 09:00+00', '2026-03-10 09:15+00', 'unhealthy', 'blind', 10),
  ('2026-03-10 09:15+00', null, 'healthy', null, 80)
) as v ("from", "to", status, overlay, score);
insert into syncwell.health_evaluations values (test.org('a'), '2026-03-10 10:30+00');
do $$ begin perform test.at('2026-03-10 10:30+00'); end $$;

-- by hour
select results_eq(
  'select count(*), min(period), max(period), min(period_start), max(period_start) from syncwell.get_sync_health_history(p_days => 1)',
  $$values (24::bigint, 'hour', 'hour', '2026-03-09 11:00+00'::timestamptz, '2026-03-10 10:00+00'::timestamptz)$$, 'a day of hours'
);
select is((select count(*) from syncwell.get_sync_health_history()), 168::bigint, 'a week of them where nobody says otherwise');
select is((select array_agg(period_start) = array_agg(period_start order by period_start) from syncwell.get_sync_health_history()), true, 'oldest first');
create function pg_temp.hour(p_hour text)
returns table (total_syncs bigint, successful_syncs bigint, failed_syncs bigint, success_rate numeric, items numeric, p50 double precision, p95 double precision)
language sql
as $$ select total_syncs, successful_syncs, failed_syncs, round(success_rate, 4), total_items_synced, p50_duration_ms, p95_duration_ms from syncwell.get_sync_health_history(p_days => 1) where period_start = ('2026-03-10 ' || p_hour || ':00+00')::timestamptz $$;
create function pg_temp.shares(p_hour text)
returns text
language sql
as $$ select concat_ws(' ', trim_scale(score), trim_scale(healthy_share), trim_scale(late_share), trim_scale(degraded_share), trim_scale(unhealthy_share), trim_scale(unknown_share), trim_scale(paused_share)) from syncwell.get_sync_health_history(p_days => 1) where period_start = ('2026-03-10 ' || p_hour || ':00+00')::timestamptz $$;
select results_eq($$select * from pg_temp.hour('09')$$, $$select 3::bigint, 2::bigint, 1::bigint, 0.6667, 12::numeric, p50_duration_ms, p95_duration_ms from syncwell.get_sync_metrics('calls', 'hour', 2) where period_start = '2026-03-10 09:00+00'$$, 'runs, and percentiles as get_sync_metrics() has them');
select ok((select p50 between 20000 * 0.98 and 20000 * 1.02 from pg_temp.hour('09')), 'which are those of the runs');
select results_eq($$select * from pg_temp.hour('07')$$, $$values (1::bigint, 0::bigint, 0::bigint, null::numeric, null::numeric, null::double precision, null::double precision)$$, 'one that was called off says nothing');
select results_eq($$select * from pg_temp.hour('08')$$, $$values (0::bigint, 0::bigint, 0::bigint, null::numeric, null::numeric, null::double precision, null::double precision)$$, 'an hour without runs');
select is((select p50_duration_ms from syncwell.get_sync_health_history(p_days => 1) where period_start = '2026-03-09 22:00+00'), 0::double precision, 'a run that took no time');
select is(pg_temp.shares('05'), '0 0 0 0 1 0', 'nothing recorded is unknown');
select is(pg_temp.shares('06'), '100 1 0 0 0 0 0', 'healthy all the time');
select is(pg_temp.shares('07'), '70 0.5 0.25 0.25 0 0 0', 'shares and score by time');
select is(pg_temp.shares('08'), '45 0 0 0 0.5 0 0.5', 'a pause is neither');
select is(pg_temp.shares('09'), '80 0.75 0 0 0 0.25 0', 'what nobody evaluated is unknown, and its score too');
select is(pg_temp.shares('10'), '80 1 0 0 0 0 0', 'of the current hour the part that is over');
update syncwell.health_evaluations set evaluated_at = '2026-03-10 10:15+00';
select is(pg_temp.shares('10'), '80 0.5 0 0 0 0.5 0', 'and that somebody looked at');
update syncwell.health_evaluations set evaluated_at = '2026-03-10 10:30+00';
do $$ begin perform test.at('2026-03-10 10:00+00'); end $$;
select is(pg_temp.shares('10'), '0 0 0 0 1 0', 'at its first moment nothing is known of an hour');
do $$ begin perform test.at('2026-03-10 10:30+00'); end $$;
-- two streams share the time
insert into syncwell.streams (org_id, user_id, source) values (test.org('a'), test.id('a_member'), 'sms');
select is(pg_temp.shares('06'), '100 0.5 0 0 0 0.5 0', 'another stream of which nothing is known');
select is((select trim_scale(healthy_share) from syncwell.get_sync_health_history(p_days => 1, p_source => 'calls') where period_start = '2026-03-10 06:00+00'), 1::numeric, 'by source');

-- by day, of the org's zone (Berlin is an hour ahead)
select results_eq(
  $$select period, period_start, total_syncs, successful_syncs, failed_syncs from syncwell.get_sync_health_history(p_days => 8) order by period_start desc limit 3$$,
  $$values ('day', '2026-03-09 23:00+00'::timestamptz, 5::bigint, 3::bigint, 1::bigint), ('day', '2026-03-08 23:00+00', 1, 1, 0), ('day', '2026-03-07 23:00+00', 0, 0, 0)$$, 'days begin at midnight there'
);
select is((select count(*) from syncwell.get_sync_health_history(p_days => 8)), 8::bigint, 'as many as asked for');
select is((select round(healthy_share, 4) from syncwell.get_sync_health_history(p_days => 8, p_source => 'calls') order by period_start desc limit 1), round(2.75 / 11.5, 4), 'of the hours of the day so far');
do $$ begin perform test.at('2026-03-31 10:00+00'); end $$;
select results_eq(
  $$select period_start from syncwell.get_sync_health_history(p_days => 8) where period_start between '2026-03-28 00:00+00' and '2026-03-31 00:00+00'$$,
  $$values ('2026-03-28 23:00+00'::timestamptz), ('2026-03-29 22:00+00'), ('2026-03-30 22:00+00')$$, 'one has 23 hours'
);
update syncwell.health_evaluations set evaluated_at = '2026-03-31 10:00+00';
select is((select trim_scale(healthy_share) from syncwell.get_sync_health_history(p_days => 8, p_source => 'calls') where period_start = '2026-03-28 23:00+00'), 1::numeric, 'all of which count');
select is((select count(*) from syncwell.get_sync_health_history(p_days => 3660)), 3660::bigint, 'ten years');
select ok((select bool_and(abs(healthy_share + late_share + degraded_share + unhealthy_share + unknown_share + paused_share - 1) < 0.00001 and least(healthy_share, late_share, degraded_share, unhealthy_share, unknown_share, paused_share) >= 0) from syncwell.get_sync_health_history(p_days => 60)), 'shares make up the time');

-- percentiles of several streams and of what is rolled up are merged
do $$ begin perform test.at('2026-03-10 10:30+00'); perform test.run('sms', '2026-03-10 09:10+00', 'success', 100); perform test.run('sms', '2026-03-10 09:15+00', 'success', 200); perform test.at('2026-03-10 10:30+00'); end $$;
select ok(
  (select p50_duration_ms between 29600 and 30400 and p95_duration_ms between 197000 and 203000 from syncwell.get_sync_health_history(p_days => 1) where period_start = '2026-03-10 09:00+00'),
  'of all their runs: 10, 20, 30, 100 and 200 s'
);
do $$ begin perform syncwell.refresh_sync_metrics(); end $$;
select is((select round(p95_duration_ms::numeric, -3) from syncwell.get_sync_health_history(p_days => 8) where period_start = '2026-03-09 23:00+00'), 200000::numeric, 'by day as well');

-- who sees what
do $$ begin perform test.at('2026-03-10 10:30+00', 'a_other'); end $$;
select is((select count(*) from syncwell.get_sync_health_history()), 0::bigint, 'another member sees nothing of it');
select throws_ok(format('select * from syncwell.get_sync_health_history(%L)', test.id('a_member')), 'SW002', 'unknown user', 'nor may it ask');
do $$ begin perform test.at('2026-03-10 10:30+00', 'a_analyst'); end $$;
select is((select sum(total_syncs) from syncwell.get_sync_health_history(test.id('a_member'), 8)), 8::numeric, 'an analyst may');
select throws_ok('select * from syncwell.get_sync_health_history(p_days => 0)', '22023', 'p_days is out of range', 'no days');
select throws_ok('select * from syncwell.get_sync_health_history(p_days => 3661)', '22023', 'p_days is out of range', 'too many');
select throws_ok('select * from syncwell.get_sync_health_history(p_days => null)', '22004', 'a number of days is needed', 'NULL');
select * from finish();
rollback;
