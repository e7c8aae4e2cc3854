-- Error rates, slow runs, queues and clocks of devices, and what a pause keeps quiet.
begin;
select plan(44);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create view pg_temp.found as
select i.source, i.issue_type, i.severity, i.since, i.evidence, i.user_id
from syncwell.detect_sync_issues() as i;
-- S: success, F: failure, P: partial; one a minute
create function pg_temp.runs(p_source text, p_from timestamptz, p_outcomes text)
returns void
language plpgsql
as $$
begin
  for v_at in 1..length(p_outcomes) loop
    perform test.run(
      p_source, p_from + (v_at - 1) * interval '1 minute',
      case substr(p_outcomes, v_at, 1) when 'S' then 'success' when 'P' then 'partial' when 'C' then 'cancelled' else 'failed' end
    );
  end loop;
end
$$;
-- what divides by as many runs as there are
create view pg_temp.naive_rate as
select s.source, 1 - bit_count(t.recent_outcomes)::numeric / nullif(length(t.recent_outcomes), 0) as error_rate
from syncwell.streams as s
join syncwell.sync_state as t using (org_id, stream_id);
do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;

-- high_error_rate
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:00+00', 'FSFFSFFSS'); end $$;
select is_empty('select * from pg_temp.found', 'five of nine: of fewer than ten there is no rate');
select ok((select n.error_rate > 0.5 from pg_temp.naive_rate as n), 'where who divides by what there is finds one');
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:09+00', 'C'); end $$;
select is_empty('select * from pg_temp.found', 'a cancelled run is none of them');
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:10+00', 'P'); end $$;
select results_eq(
  'select source, issue_type, severity, since from pg_temp.found',
  $$values ('calls', 'high_error_rate', 'warning', '2026-03-10 08:00:10+00'::timestamptz)$$, 'five of ten, since the first of them'
);
select is(
  (select evidence from pg_temp.found),
  $${"error_rate": 0.5, "failures": 5, "runs": 10, "error_rate_threshold": 0.5, "last_failed_at": "2026-03-10T08:06:10+00:00",
    "last_success_at": "2026-03-10T08:10:10+00:00"}$$::jsonb,
  'with the numbers'
);
do $$ begin perform syncwell.set_setting('health.error_rate', '0.51', p_source => 'calls', p_org_id => test.org('a')); end $$;
select is_empty('select * from pg_temp.found', 'the rate is a setting');
do $$ begin perform syncwell.set_setting('health.error_rate', null, p_source => 'calls', p_org_id => test.org('a')); end $$;
do $$ begin perform syncwell.set_setting('health.error_rate_runs', '11', p_source => 'calls', p_org_id => test.org('a')); end $$;
select is_empty('select * from pg_temp.found', 'so is the number of runs');
do $$ begin perform syncwell.set_setting('health.error_rate_runs', null, p_source => 'calls', p_org_id => test.org('a')); end $$;
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:11+00', 'FF'); end $$;
select set_eq(
  'select issue_type, severity from pg_temp.found',
  $$values ('failure', 'warning'), ('high_error_rate', 'warning')$$, 'failing again leaves it as it is'
);
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:13+00', 'F'); end $$;
select results_eq('select issue_type, severity from pg_temp.found', $$values ('failure', 'critical')$$, 'until so many fail in a row that this says it all');
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:14+00', 'S'); end $$;
select results_eq('select issue_type from pg_temp.found', $$values ('high_error_rate')$$, 'one success ends that, not the rate');
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:15+00', 'SS'); end $$;
select is_empty('select * from pg_temp.found', 'four of the newest ten');
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:17+00', 'SFFSFFSFSS'); end $$;
select results_eq('select since from pg_temp.found', $$values ('2026-03-10 08:18:10+00'::timestamptz)$$, 'again five: since the first of these, not of all');
do $$ begin perform pg_temp.runs('calls', '2026-03-10 08:30+00', 'FFFFFFFFFFFFSSSSSS'); end $$;
select is_empty('select * from pg_temp.found', 'what is older than the newest ten does not count');
select ok((select n.error_rate > 0.5 from pg_temp.naive_rate as n), 'though of all that is kept most failed');

-- slow
do $$
begin
  insert into syncwell.stream_states (org_id, stream_id, user_id, source, usual_duration_ms, usual_runs)
  select s.org_id, s.stream_id, s.user_id, s.source, 1800000, 10 from syncwell.streams as s;
  perform test.run('calls', '2026-03-10 10:00+00', 'success', 3600);
end
$$;
select is_empty('select * from pg_temp.found', 'twice the usual half hour is not slow');
do $$ begin perform test.run('calls', '2026-03-10 12:00+00', 'partial', 3601); end $$;
select results_eq(
  'select source, issue_type, severity, since from pg_temp.found',
  $$values ('calls', 'slow', 'warning', '2026-03-10 12:00+00'::timestamptz)$$, 'more is'
);
select is(
  (select evidence from pg_temp.found),
  $${"duration_seconds": 3601, "usual_seconds": 1800, "limit_seconds": 3600, "usual_runs": 10, "last_sync_at": "2026-03-10T13:00:01+00:00"}$$::jsonb,
  'with what is usual and what follows from it'
);
do $$ begin update syncwell.stream_states set usual_runs = 9; end $$;
select is_empty('select * from pg_temp.found', 'with fewer than ten runs nothing is usual');
do $$ begin update syncwell.stream_states set usual_runs = 10, usual_duration_ms = 2705000; end $$;
select is_empty('select * from pg_temp.found', 'of 45 minutes and 5 seconds: within fifteen minutes more');
do $$ begin perform syncwell.set_setting('health.slow_margin', '14 minutes', p_org_id => test.org('a')); perform syncwell.set_setting('health.slow_ratio', '1.3', p_org_id => test.org('a')); end $$;
select results_eq('select evidence ->> ''limit_seconds'' from pg_temp.found', $$values ('3545.000')$$, 'both are settings, the larger limit counts');
do $$ begin perform test.run('calls', '2026-03-10 14:00+00', 'failed', 9000); end $$;
select results_eq('select issue_type from pg_temp.found', $$values ('failure')$$, 'a failed run is not slow, it failed');
do $$ begin perform test.run('calls', '2026-03-10 17:00+00', 'success', 10); perform test.run('calls', '2026-03-10 17:01+00', 'success', 10); end $$;
select is_empty('select * from pg_temp.found', 'nor is one that was as fast as ever');

-- queue_backlog
do $$
begin
  update syncwell.stream_states
  set queue_depth = 3, queue_oldest_at = '2026-03-10 16:30+00', queue_reported_at = '2026-03-10 17:00+00';
  perform test.at('2026-03-10 17:30+00');
end
$$;
select is_empty('select * from pg_temp.found', 'an operation may wait for an hour');
do $$ begin perform test.at('2026-03-10 17:30:01+00'); end $$;
select results_eq(
  'select source, issue_type, severity, since from pg_temp.found',
  $$values ('calls', 'queue_backlog', 'warning', '2026-03-10 16:30+00'::timestamptz)$$, 'not longer'
);
select is(
  (select evidence from pg_temp.found),
  $${"queue_depth": 3, "oldest_pending_at": "2026-03-10T16:30:00+00:00", "waiting_seconds": 3601, "backlog_seconds": 3600,
    "critical_seconds": 86400, "reported_at": "2026-03-10T17:00:00+00:00"}$$::jsonb,
  'with its length and age'
);
do $$ begin perform syncwell.set_setting('health.queue_backlog', '2 hours', p_platform => 'ios', p_org_id => test.org('a')); end $$;
select isnt_empty('select * from pg_temp.found', 'a setting of another platform is not its own');
do $$ begin update syncwell.streams set platform = 'ios' where source = 'calls'; end $$;
select is_empty('select * from pg_temp.found', 'that of its platform is');
do $$ begin perform syncwell.set_setting('health.queue_bad', '10 hours', p_org_id => test.org('a')); perform test.run('calls', '2026-03-11 02:29:49+00', 'success'); end $$;
select results_eq('select issue_type, severity from pg_temp.found', $$values ('queue_backlog', 'warning')$$, 'not critical before its time');
do $$ begin perform test.at('2026-03-11 02:30+00'); end $$;
select results_eq('select issue_type, severity from pg_temp.found', $$values ('queue_backlog', 'critical')$$, 'critical from then on');
do $$ begin update syncwell.stream_states set queue_depth = 0, queue_oldest_at = null; end $$;
select is_empty('select * from pg_temp.found', 'nothing waits, nothing is wrong');

-- clock_skew
do $$
begin
  insert into syncwell.sync_health (org_id, stream_id, device_id, user_id, source, platform, reported_at, received_at)
  select s.org_id, s.stream_id, d.device_id, s.user_id, s.source, 'ios', '2026-03-11 02:20+00'::timestamptz + d.ahead, '2026-03-11 02:20+00'
  from syncwell.streams as s
  cross join (values ('pad', interval '1 minute'), ('late', -interval '1 day')) as d (device_id, ahead);
end
$$;
select is_empty('select * from pg_temp.found', 'a clock may be a minute ahead, and a report may be late');
do $$ begin update syncwell.sync_health set reported_at = reported_at + interval '1 second' where device_id = 'pad'; end $$;
select results_eq(
  'select source, issue_type, severity, since from pg_temp.found',
  $$values ('calls', 'clock_skew', 'info', '2026-03-11 02:20+00'::timestamptz)$$, 'not more'
);
select is(
  (select evidence from pg_temp.found),
  $${"device_id": "pad", "platform": "ios", "reported_at": "2026-03-11T02:21:01+00:00", "received_at": "2026-03-11T02:20:00+00:00",
    "ahead_seconds": 61, "clock_skew_seconds": 60}$$::jsonb,
  'with the device and how far'
);
do $$ begin update syncwell.sync_health set reported_at = '2026-03-11 02:23+00' where device_id = 'late'; end $$;
select results_eq('select evidence ->> ''device_id'' from pg_temp.found order by 1', $$values ('late'), ('pad')$$, 'one a device');
create temporary table causes as
select i.cause from syncwell._issues_of(test.org('a'), null, null, null, true) as i where i.issue_type = 'clock_skew';
select is((select count(distinct c.cause) from causes as c), 2::bigint, 'that can be told apart');
do $$ begin perform syncwell.set_setting('consent_required', 'true', p_org_id => test.org('a')); end $$;
select results_eq('select evidence -> ''device_id'' from pg_temp.found', $$values ('null'::jsonb), ('null')$$, 'without consent devices are not named');
select set_eq(
  $$select i.cause from syncwell._issues_of(test.org('a'), null, null, null, true) as i where i.issue_type = 'clock_skew'$$,
  'select cause from causes', 'and are told apart as before'
);
select is_empty($$select from causes as c where c.cause in ('pad', 'late')$$, 'by what names none');
do $$ begin delete from syncwell.sync_health; perform syncwell.set_setting('consent_required', null, p_org_id => test.org('a')); end $$;

-- while nothing is expected, what failed has failed all the same
do $$
begin
  perform syncwell.register_stream('sms', p_expected_interval => '1 hour');
  perform syncwell.register_stream('never', p_expected_interval => '1 hour');
  perform test.run('sms', '2026-03-11 03:00+00', 'failed');
  perform test.at('2026-03-11 12:00+00');
end
$$;
select set_eq(
  'select source, issue_type from pg_temp.found',
  $$values ('sms', 'failure'), ('sms', 'stale_data'), ('never', 'missing_source')$$, 'late all three'
);
do $$
begin
  insert into syncwell.maintenance_windows (org_id, id, mode, source, starts_at, ends_at)
  select test.org('a'), gen_random_uuid(), 'mute', s.source, '2026-03-11 11:00+00', '2026-03-11 13:00+00'
  from (values ('sms'), ('never')) as s (source);
end
$$;
select is((select count(*) from pg_temp.found), 3::bigint, 'who only wants to hear nothing is told when asking');
do $$ begin update syncwell.maintenance_windows set mode = 'pause'; end $$;
select results_eq('select source, issue_type from pg_temp.found', $$values ('sms', 'failure')$$, 'in a pause nothing is late or missing');
do $$ begin update syncwell.maintenance_windows set cancelled_at = '2026-03-11 11:30+00'; end $$;
select is((select count(*) from pg_temp.found), 3::bigint, 'a pause that was called off is none');

select is(
  (select count(*) from syncwell._issues_of(test.org('a'), null, 'sms', null, true)), 2::bigint, 'of one source'
);
select is(
  (select count(*) from syncwell._issues_of(test.org('b'), null, null, null, true)), 0::bigint, 'of another org nothing'
);

select * from finish();
rollback;
