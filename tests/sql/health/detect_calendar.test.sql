-- What is late by the calendar of its stream, and what is not.
begin;
select plan(14);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create view pg_temp.found as
select i.source, i.issue_type, i.severity, i.since from syncwell.detect_sync_issues() as i;
-- what counts every hour alike
create view pg_temp.naive as
select s.source
from syncwell.streams as s
join syncwell.sync_state as t using (org_id, stream_id)
where t.last_successful_sync < syncwell._now() - s.expected_interval * 1.1;

-- offices in Berlin and New York, and one that never closes; Fridays before the clocks go forward
do $$
begin
  perform test.at('2026-03-06 12:00+00', 'a_member');
  perform syncwell.register_stream('berlin', p_expected_interval => '1 hour', p_time_zone => 'Europe/Berlin', p_active_hours => 'Mon-Fri 08:00-18:00');
  perform syncwell.register_stream('york', p_expected_interval => '1 hour', p_time_zone => 'America/New_York', p_active_hours => 'Mon-Fri 08:00-18:00');
  perform syncwell.register_stream('always', p_expected_interval => '1 hour');
  perform test.run('always', '2026-03-06 22:29:50+00', 'success');
  perform test.run('berlin', '2026-03-06 16:29:50+00', 'success');
  perform test.run('york', '2026-03-06 22:29:50+00', 'success');
  perform test.at('2026-03-07 12:00+00');
end
$$;
select set_eq('select source, issue_type from pg_temp.found', $$values ('always', 'stale_data')$$, 'on a Saturday an office source is not late');
select set_eq('select source from pg_temp.naive', $$values ('always'), ('berlin'), ('york')$$, 'where who counts every hour takes it for late');
do $$ begin perform test.run('always', '2026-03-09 07:35:00+00', 'success'); perform test.at('2026-03-09 07:36+00'); end $$;
select is_empty('select * from pg_temp.found', 'on Monday it has its hour, of which half was on Friday, and grace');
do $$ begin perform test.at('2026-03-09 07:36:01+00'); end $$;
select results_eq(
  'select source, issue_type, severity, since from pg_temp.found',
  $$values ('berlin', 'stale_data', 'warning', '2026-03-09 07:30+00'::timestamptz)$$, 'no more'
);
do $$
begin
  perform test.run('berlin', '2026-03-09 08:00+00', 'success');
  perform test.run('always', '2026-03-09 12:00+00', 'success');
  perform test.run('berlin', '2026-03-09 12:00+00', 'success');
  perform test.at('2026-03-09 12:36+00');
end
$$;
select is_empty('select * from pg_temp.found', 'New York is asked by its own clock, which has gone forward that night');
do $$ begin perform test.at('2026-03-09 12:36:01+00'); end $$;
select results_eq('select source, since from pg_temp.found', $$values ('york', '2026-03-09 12:30+00'::timestamptz)$$, 'and found when that says so');

-- the night before a Monday of 23 hours less one, in Berlin
do $$
declare
  v_source text;
begin
  foreach v_source in array array['always', 'berlin', 'york'] loop
    perform test.run(v_source, '2026-03-27 16:29:50+00', 'success');
  end loop;
  perform test.run('york', '2026-03-27 21:59:50+00', 'success');
  perform test.run('always', '2026-03-30 06:00+00', 'success');
  perform test.at('2026-03-30 06:36+00');
end
$$;
select is_empty('select * from pg_temp.found', 'the same by summer time');
do $$ begin perform test.at('2026-03-30 06:36:01+00'); end $$;
select results_eq('select source, since from pg_temp.found', $$values ('berlin', '2026-03-30 06:30+00'::timestamptz)$$, 'an hour earlier by UTC');
do $$ begin perform test.run('always', '2026-03-30 08:55+00', 'success'); perform test.at('2026-03-30 08:30+00'); end $$;
select results_eq('select source, severity from pg_temp.found', $$values ('berlin', 'critical')$$, 'critical after three hours of work, of which half a one was on Friday');

-- a schedule without any run
do $$
begin
  perform syncwell.unregister_stream('always');
  perform syncwell.unregister_stream('berlin');
  perform syncwell.unregister_stream('york');
  perform test.at('2026-03-27 12:00+00');
  perform syncwell.register_stream('nightly', p_cron => '30 2 * * *', p_time_zone => 'Europe/Berlin');
  perform syncwell.register_stream('weekly', p_cron => '0 9 * * Mon', p_time_zone => 'Europe/Berlin');
  perform test.at('2026-03-28 01:29+00');
end
$$;
select is_empty('select * from pg_temp.found', 'not due yet');
do $$ begin perform test.at('2026-03-28 12:00+00'); end $$;
select results_eq(
  'select source, issue_type, since from pg_temp.found',
  $$values ('nightly', 'missing_source', '2026-03-28 01:30+00'::timestamptz)$$, 'a schedule that nothing ever ran is noticed'
);
select is_empty($$select from syncwell.sync_events as e where e.source in ('nightly', 'weekly')$$, 'of which no run can tell');
do $$ begin perform test.at('2026-03-30 23:48:01+00'); end $$;
select results_eq(
  'select source, issue_type from pg_temp.found order by 1',
  $$values ('nightly', 'missing_source'), ('weekly', 'missing_source')$$, 'each by its own'
);
do $$ begin perform test.run('nightly', '2026-03-31 00:00+00', 'success'); perform test.run('weekly', '2026-03-31 00:00+00', 'success'); end $$;
select is_empty('select * from pg_temp.found', 'a run late is a run');

select * from finish();
rollback;
