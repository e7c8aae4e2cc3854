begin;
select plan(31);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
insert into syncwell.streams (org_id, stream_id, user_id, source, slo) values
(test.org('a'), md5('calls')::uuid, test.id('a_member'), 'calls', 0.6),
(test.org('a'), md5('sms')::uuid, test.id('a_member'), 'sms', 0.3),
(test.org('a'), md5('other')::uuid, test.id('a_other'), 'calls', null),
(test.org('b'), md5('foreign')::uuid, test.id('b_member'), 'calls', 0.5);
insert into syncwell.sync_state (org_id, stream_id, user_id) select org_id, stream_id, user_id from syncwell.streams;
-- a day of calls: nothing before 02:00, then each kind of time once, and the last since 20:00
insert into syncwell.stream_periods (org_id, stream_id, starts_at, ends_at, user_id, source, status, overlay, score)
select test.org('a'), md5('calls')::uuid, '2026-03-10 00:00+00'::timestamptz + make_interval(hours => v.from), '2026-03-10 00:00+00'::timestamptz + make_interval(hours => v.to), test.id('a_member'), 'calls', v.status, v.overlay, v.score
from (
  values
  (2, 6, 'healthy', null, 100), (6, 8, 'late', null, 80), (8, 9, 'degraded', 'muted', 50), (9, 12, 'unhealthy', null, 0),
  (12, 13, 'unhealthy', 'excluded', 0), (13, 15, 'healthy', 'paused', 100), (15, 18, 'unhealthy', 'blind', 10),
  (18, 20, 'unknown', null, null), (20, null, 'healthy', null, 90)
) as v ("from", "to", status, overlay, score);
create function pg_temp.up(p_source text default 'calls', p_days integer default 1)
returns text
language sql
as $$ select concat_ws(' ', good_seconds / 3600, down_seconds / 3600, unknown_seconds / 3600, excluded_seconds / 3600, paused_seconds / 3600, uptime) from syncwell.get_uptime(p_source, p_days => p_days) where source = p_source $$;
create function pg_temp.hours(text)
returns text
language sql
as $$ select string_agg(trim_scale(round(h::numeric, 4))::text, ' ') from unnest(string_to_array($1, ' ')) as h $$;

do $$ begin perform test.at('2026-03-11 00:00+00', 'a_member'); end $$;
insert into syncwell.health_evaluations values (test.org('a'), '2026-03-11 00:00+00');
select is(pg_temp.hours(pg_temp.up()), '11 3 7 1 2 0.7857', 'good, down, unknown, excluded, paused, and what is good of good and down');
select is(pg_temp.hours(pg_temp.up(p_days => 2)), '11 3 31 1 2 0.7857', 'more time, of which nothing is recorded');
select is((select sum(good_seconds + down_seconds + unknown_seconds + excluded_seconds + paused_seconds) from syncwell.get_uptime(p_days => 30) where source is not null), 2 * 30 * 86400.000, 'the five make up the whole time');
select results_eq('select source, streams from syncwell.get_uptime()', $$values (null, 2::bigint), ('calls', 1), ('sms', 1)$$, 'overall first');
select is((select uptime from syncwell.get_uptime('sms') where source = 'sms'), null, 'no word of what nothing is known of');
select is((select unknown_seconds from syncwell.get_uptime('sms') where source = 'sms'), 30 * 86400.000, 'all of it unknown');
select is((select good_seconds from syncwell.get_uptime(p_days => 1) where source is null), 11 * 3600.000, 'the sum');

-- the edges of the time
do $$ begin perform test.at('2026-03-11 07:00+00'); end $$;
update syncwell.health_evaluations set evaluated_at = '2026-03-11 07:00+00';
select is(pg_temp.hours(pg_temp.up()), '13 3 5 1 2 0.8125', 'a stretch is cut where the time begins');
do $$ begin perform test.at('2026-03-12 07:00+00'); end $$;
update syncwell.health_evaluations set evaluated_at = '2026-03-12 07:00+00';
select is(pg_temp.hours(pg_temp.up()), '24 0 0 0 0 1', 'one that began before it and lasts');

-- the evaluator is away
update syncwell.health_evaluations set evaluated_at = '2026-03-12 04:00+00';
select is(pg_temp.hours(pg_temp.up()), '21 0 3 0 0 1', 'what lasts is known as long as somebody looks');
update syncwell.health_evaluations set evaluated_at = '2026-03-12 06:50+00';
select is(pg_temp.hours(pg_temp.up()), '24 0 0 0 0 1', 'two intervals are no absence');
update syncwell.health_evaluations set evaluated_at = '2026-03-12 06:49:59+00';
select isnt(pg_temp.hours(pg_temp.up()), '24 0 0 0 0 1', 'more are');
delete from syncwell.health_evaluations;
select is(pg_temp.hours(pg_temp.up()), '0 0 24 0 0', 'nobody ever looked');

-- runs
do $$ begin perform test.run('calls', '2026-03-11 05:59+00', 'success'); perform test.run('calls', '2026-03-11 06:00+00', 'success'); perform test.run('calls', '2026-03-11 07:30+00', 'partial');
  perform test.run('calls', '2026-03-12 06:00+00', 'failed'); perform test.run('calls', '2026-03-12 06:10+00', 'cancelled');  perform test.run('sms', '2026-03-11 22:30+00', 'success'); perform test.run('sms', '2026-03-11 23:30+00', 'failed'); end $$;
do $$ begin perform test.at('2026-03-12 06:59+00'); end $$;
select results_eq(
  'select source, runs, round(run_success_rate, 4), slo, slo_met from syncwell.get_uptime(p_days => 1)',
  $$values (null, 6::bigint, 0.6, 0.6, true), ('calls', 4, 0.6667, 0.6, true), ('sms', 2, 0.5, 0.3, true)$$, 'runs since the full hour, each in its day or hour once'
);
do $$ begin perform syncwell.refresh_sync_metrics(); perform test.at('2026-03-12 06:59+00'); end $$;
select results_eq(
  'select source, runs, round(run_success_rate, 4) from syncwell.get_uptime(p_days => 1)',
  $$values (null, 6::bigint, 0.6), ('calls', 4, 0.6667), ('sms', 2, 0.5)$$, 'rolled up as well'
);
update syncwell.orgs set time_zone = 'Asia/Kolkata' where org_id = test.org('a');
select results_eq('select source, runs from syncwell.get_uptime(p_days => 1)', $$values (null, 6::bigint), ('calls', 4), ('sms', 2)$$, 'where days begin at half past');
update syncwell.orgs set time_zone = 'Europe/Berlin' where org_id = test.org('a');
select is((select runs from syncwell.get_uptime('calls', p_days => 2) where source = 'calls'), 5::bigint, 'more days, more runs');
update syncwell.streams set slo = 0.6 where source = 'sms';
select results_eq('select source, slo, slo_met from syncwell.get_uptime(p_days => 1)', $$values (null, 0.6, false), ('calls', 0.6, true), ('sms', 0.6, false)$$, 'each stream keeps to what it declared, or it is not met');
do $$ begin perform test.at('2026-04-10 06:59+00'); end $$;
select results_eq('select source, runs, run_success_rate, slo, slo_met from syncwell.get_uptime(p_days => 1)', $$values (null, 0::bigint, null::numeric, 0.6, null::boolean), ('calls', 0, null, 0.6, null), ('sms', 0, null, 0.6, null)$$, 'without runs nothing is said');
update syncwell.streams set slo = null;
select is((select slo from syncwell.get_uptime() limit 1), null, 'none declared');

-- who sees what
select is((select count(*) from syncwell.get_uptime('todoist')), 0::bigint, 'no rows where no stream matches');
select throws_ok(format('select * from syncwell.get_uptime(p_user_id => %L)', test.id('a_other')), 'SW002', 'unknown user', 'a member asks for itself');
do $$ begin perform test.at('2026-03-12 07:00+00', 'a_analyst'); end $$;
select results_eq('select source, streams from syncwell.get_uptime()', $$values (null, 3::bigint), ('calls', 2), ('sms', 1)$$, 'an analyst sees all of the org');
select is((select streams from syncwell.get_uptime(p_user_id => test.id('a_other')) limit 1), 1::bigint, 'or one user');
select throws_ok(format('select * from syncwell.get_uptime(p_user_id => %L)', test.id('b_member')), 'SW002', 'unknown user', 'of the org');
select throws_ok('select * from syncwell.get_uptime(p_days => 0)', '22023', 'p_days is out of range', 'no time');
select throws_ok('select * from syncwell.get_uptime(p_days => -1)', '22023', 'p_days is out of range', 'less');
select throws_ok('select * from syncwell.get_uptime(p_days => 3661)', '22023', 'p_days is out of range', 'too much');
select throws_ok('select * from syncwell.get_uptime(p_days => null)', '22004', 'a number of days is needed', 'NULL');
select lives_ok('select * from syncwell.get_uptime(p_days => 3660)', 'as much as there may be');
set session authorization nobody_login;
select throws_ok('select * from syncwell.get_uptime()', 'SW001', null, 'nobody');
reset session authorization;
select * from finish();
rollback;
