begin;
select plan(43);

create function pg_temp.fail(p_source text, p_at timestamptz)
returns void
language plpgsql
as $$
declare
  v_run record;
begin
  perform test.at(p_at);
  v_run := syncwell.record_sync_start(p_source => p_source);
  perform syncwell.record_sync_error(v_run.event_id, v_run.lease, 'no answer', 'ETIMEDOUT');
end
$$;
create function pg_temp.succeed(p_source text, p_at timestamptz)
returns void
language plpgsql
as $$
declare
  v_run record;
begin
  perform test.at(p_at);
  v_run := syncwell.record_sync_start(p_source => p_source);
  perform syncwell.record_sync_complete(v_run.event_id, v_run.lease, 10);
end
$$;
do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;
select is_empty('select * from syncwell.detect_sync_issues()', 'no stream, no issue');

-- stale_data
do $$ begin perform syncwell.register_stream('calls', p_expected_interval => '1 hour'); end $$;
do $$ begin perform test.at('2026-03-10 09:06+00'); end $$;
select is_empty('select * from syncwell.detect_sync_issues()', 'within grace');
do $$ begin perform test.at('2026-03-10 09:07+00'); end $$;
select results_eq(
  'select source, issue_type, severity, since, user_id from syncwell.detect_sync_issues()',
  format($$values ('calls', 'missing_source', 'warning', '2026-03-10 09:00+00'::timestamptz, %L::uuid)$$, test.id('a_member')),
  'a declared stream that never ran is missing'
);
select is(
  (select evidence from syncwell.detect_sync_issues()),
  $${"registered_at": "2026-03-10T08:00:00+00:00", "due_at": "2026-03-10T09:00:00+00:00", "late_at": "2026-03-10T09:06:00+00:00",
    "stale_at": "2026-03-10T11:00:00+00:00", "expected_interval_seconds": 3600, "overdue_seconds": 420}$$::jsonb,
  'with the numbers and thresholds that say so'
);
do $$ begin perform test.at('2026-03-10 11:00+00'); end $$;
select is((select severity from syncwell.detect_sync_issues()), 'critical', 'critical at three intervals');
-- the control: who starts from the runs finds nothing where none was
select is_empty(
  $$select s.source from syncwell.streams as s left join syncwell.sync_events as e using (org_id, stream_id) where e.started_at < syncwell._now() - s.expected_interval$$,
  'its runs tell nothing of that'
);
do $$ begin perform test.run('calls', '2026-03-10 11:00:10+00', 'started'); end $$;
select is((select issue_type from syncwell.detect_sync_issues()), 'stale_data', 'one that runs for the first time is not missing');
do $$ begin perform pg_temp.succeed('calls', '2026-03-10 11:01+00'); end $$;
select is_empty('select * from syncwell.detect_sync_issues()', 'gone with the next success');
do $$ begin perform syncwell.cancel_sync_run(e.id) from syncwell.sync_events as e where e.status = 'started'; end $$;
do $$ begin perform test.at('2026-03-10 12:08+00'); end $$;
select results_eq(
  'select issue_type, evidence ->> ''last_success_at'' from syncwell.detect_sync_issues()',
  $$values ('stale_data', '2026-03-10T11:01:00+00:00')$$, 'it ran before, so its data is stale'
);
do $$ begin perform pg_temp.succeed('calls', '2026-03-10 12:09+00'); end $$;

-- the threshold holds where no interval is declared
do $$ begin perform pg_temp.succeed('sms', '2026-03-10 11:01+00'); perform pg_temp.succeed('calls', '2026-03-11 11:00+00'); end $$;
do $$ begin perform test.at('2026-03-11 11:01+00'); end $$;
select is_empty('select * from syncwell.detect_sync_issues()', 'after 24 hours nothing yet');
do $$ begin perform test.at('2026-03-11 11:01:01+00'); end $$;
select results_eq('select source, severity from syncwell.detect_sync_issues()', $$values ('sms', 'warning')$$, 'after more, a warning');
select results_eq('select source, severity from syncwell.detect_sync_issues(null, 8)', $$values ('sms', 'critical')$$, 'the caller may ask for less: three times 8 hours');
select is((select (evidence ->> 'expected_interval_seconds')::numeric from syncwell.detect_sync_issues(null, 8)), 28800::numeric, 'and finds it in the evidence');
select is_empty('select * from syncwell.detect_sync_issues(p_threshold_hours => 25)', 'or more');
do $$ begin perform syncwell.set_setting('health.stale_after', '30 hours', p_org_id => test.org('a')); end $$;
select is_empty('select * from syncwell.detect_sync_issues()', 'the default is the setting');
select results_eq('select source, severity from syncwell.detect_sync_issues(null, 24)', $$values ('sms', 'warning')$$, 'which the argument overrides');
do $$ begin perform syncwell.set_setting('health.stale_after', '30 hours', p_source => 'sms', p_org_id => test.org('a')); end $$;
select results_eq('select source, severity from syncwell.detect_sync_issues(null, 24)', $$values ('sms', 'warning')$$, 'also where it is set for the source');
select throws_ok('select * from syncwell.detect_sync_issues(null, 0)', '22023', 'threshold out of range', 'no time at all');
select throws_ok('select * from syncwell.detect_sync_issues(null, -1)', '22023', 'threshold out of range', 'less than that');
select throws_ok('select * from syncwell.detect_sync_issues(null, ''NaN'')', '22023', 'threshold out of range', 'no number');

-- failure
do $$ begin perform pg_temp.succeed('sms', '2026-03-11 12:00+00'); perform pg_temp.fail('sms', '2026-03-11 12:01+00'); end $$;
select results_eq(
  'select source, issue_type, severity, since from syncwell.detect_sync_issues()',
  $$values ('sms', 'failure', 'warning', '2026-03-11 12:00+00'::timestamptz)$$, 'one failure warns, since the last success'
);
do $$ begin perform pg_temp.fail('sms', '2026-03-11 12:02+00'); end $$;
select is((select severity from syncwell.detect_sync_issues()), 'warning', 'two as well');
do $$ begin perform pg_temp.fail('sms', '2026-03-11 12:03+00'); end $$;
select is((select severity from syncwell.detect_sync_issues()), 'critical', 'three in a row are critical');
select is(
  (select evidence from syncwell.detect_sync_issues()),
  $${"consecutive_failures": 3, "failure_threshold": 3, "last_failed_at": "2026-03-11T12:03:00+00:00", "last_success_at": "2026-03-11T12:00:00+00:00"}$$::jsonb,
  'with count and threshold'
);
do $$ begin perform syncwell.set_setting('runs.failure_threshold', '4', p_source => 'sms', p_org_id => test.org('a')); end $$;
select is((select severity from syncwell.detect_sync_issues()), 'warning', 'the threshold is a setting');
do $$ begin perform pg_temp.succeed('sms', '2026-03-11 12:04+00'); end $$;
select is_empty('select * from syncwell.detect_sync_issues()', 'a success ends it');

-- stuck: silent, too long, alive without progress
create temporary table run (name text, event_id uuid, lease uuid);
grant all on run to public;
do $$
begin
  perform test.at('2026-03-11 12:04+00');
  insert into run select 'beating', r.event_id, r.lease from syncwell.record_sync_start('calls') as r;
  perform syncwell.record_sync_heartbeat(r.event_id, r.lease, 7) from run as r;
  insert into run select 'quiet', r.event_id, r.lease from syncwell.record_sync_start('sms') as r;
  perform test.at('2026-03-11 12:05:30+00');
end
$$;
select is_empty('select * from syncwell.detect_sync_issues() where issue_type = ''stuck''', 'a heartbeat may be 90 seconds old');
do $$ begin perform test.at('2026-03-11 12:05:31+00'); end $$;
select results_eq(
  'select source, severity, since from syncwell.detect_sync_issues() where issue_type = ''stuck''',
  $$values ('calls', 'warning', '2026-03-11 12:04+00'::timestamptz)$$, 'not older'
);
select is(
  (select evidence - 'event_id' from syncwell.detect_sync_issues()),
  $${"cause": "no_heartbeat", "started_at": "2026-03-11T12:04:00+00:00", "heartbeat_at": "2026-03-11T12:04:00+00:00", "items_processed": 7,
    "silent_seconds": 91, "running_seconds": 91, "heartbeat_timeout_seconds": 90, "max_runtime_seconds": 86400}$$::jsonb,
  'with the limits it went over'
);
select is((select (evidence ->> 'event_id')::uuid from syncwell.detect_sync_issues()), (select event_id from run where name = 'beating'), 'and the run');
do $$ begin perform syncwell.register_stream('sms', p_max_runtime => '10 minutes'); perform test.at('2026-03-11 12:14+00'); end $$;
select is_empty('select * from syncwell.detect_sync_issues() where source = ''sms''', 'one that never sent a heartbeat has its longest time');
do $$ begin perform test.at('2026-03-11 12:14:01+00'); end $$;
select is((select evidence ->> 'cause' from syncwell.detect_sync_issues() where source = 'sms'), 'over_max_runtime', 'not longer');
do $$ begin perform syncwell.reap_sync_runs(); end $$;
select is_empty('select * from syncwell.detect_sync_issues() where issue_type = ''stuck''', 'the reaper''s rules are the same: it ends both');

do $$
begin
  delete from run;
  perform test.at('2026-03-11 12:20+00');
  insert into run select 'beating', r.event_id, r.lease from syncwell.record_sync_start('calls') as r;
  perform syncwell.report_sync_progress(r.event_id::text, 0, 100) from run as r;
  perform syncwell.report_sync_progress('export', 0, 100, p_source_system => 'woocommerce');
  perform test.at('2026-03-11 12:20:10+00');
  perform syncwell.report_sync_progress(r.event_id::text, 5) from run as r;
  perform syncwell.report_sync_progress('export', 5);
end
$$;
select is_empty('select * from syncwell.detect_sync_issues() where issue_type = ''stuck''', 'progress that moves is no issue');
do $$
begin
  perform test.at('2026-03-11 12:21:30+00');
  perform syncwell.record_sync_heartbeat(r.event_id, r.lease) from run as r;
end
$$;
select results_eq(
  $$select source, evidence ->> 'cause', since, stream_id is null, user_id from syncwell.detect_sync_issues() where issue_type = 'stuck' order by source$$,
  format(
    $$values ('calls', 'no_progress', '2026-03-11 12:20:10+00'::timestamptz, false, %L::uuid), ('woocommerce', 'no_progress', '2026-03-11 12:20:10+00', true, %1$L)$$,
    test.id('a_member')
  ),
  'alive is not moving: progress that stands still, of a run and of no run'
);
select is(
  (select (evidence ->> 'silent_seconds')::numeric > (evidence ->> 'stall_seconds')::numeric from syncwell.detect_sync_issues() where source = 'woocommerce'),
  true, 'with the silence and how long it may be'
);
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select results_eq('select source from syncwell.detect_sync_issues()', $$values ('woocommerce')$$, 'another member sees the org''s progress, not the run of somebody else');
select throws_ok(format('select * from syncwell.detect_sync_issues(%L)', test.id('a_member')), 'SW002', 'unknown user', 'nor may he ask for it');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select results_eq('select source from syncwell.detect_sync_issues() where issue_type = ''stuck'' order by source', $$values ('calls'), ('woocommerce')$$, 'an analyst sees both');
select is_empty(format('select source from syncwell.detect_sync_issues(%L)', test.id('a_other')), 'and may ask for one user');
select throws_ok(format('select * from syncwell.detect_sync_issues(%L)', test.id('b_member')), 'SW002', 'unknown user', 'not for one of another org');

do $$ begin perform test.at('2026-03-11 12:25+00'); end $$;
select results_eq(
  'select evidence ->> ''cause'' from syncwell.detect_sync_issues() where issue_type = ''stuck'' and source = ''calls''',
  $$values ('no_heartbeat')$$, 'one issue a run: without a heartbeat nobody asks for its progress'
);

-- the worst first
do $$
begin
  perform test.at('2026-03-11 13:00+00', 'a_other');
  perform pg_temp.fail('failing', '2026-03-11 13:00:01+00');
  perform pg_temp.fail('failing', '2026-03-11 13:00:02+00');
  perform pg_temp.fail('failing', '2026-03-11 13:00:03+00');
end
$$;
select is((select source || ' ' || severity from syncwell.detect_sync_issues() limit 1), 'failing critical', 'the worst first, though it is the youngest');

select * from finish();
rollback;
