begin;
select plan(44);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
insert into syncwell.streams (org_id, stream_id, user_id, source, platform) values
(test.org('a'), md5('mine')::uuid, test.id('a_member'), 'calls', 'ios'),
(test.org('b'), md5('foreign')::uuid, test.id('b_member'), 'calls', null);
create function pg_temp.open(p_name text, p_severity text default 'critical', p_muted_by text default null, p_org text default 'a')
returns void
language sql
as $$
  insert into syncwell.sync_issues (
    org_id, id, fingerprint, issue_type, severity, stream_id, user_id, source, platform, muted_by, evidence, suggestion,
    opened_at, last_seen_at
  )
  select
    s.org_id, md5(p_name)::uuid, 'f-' || p_name, 'failure', p_severity, s.stream_id, s.user_id, s.source, s.platform,
    p_muted_by, '{}', 'Do it.', syncwell._now(), syncwell._now()
  from syncwell.streams as s
  where s.org_id = test.org(p_org)
$$;
create function pg_temp.set(p_name text, p_set text)
returns void
language plpgsql
as $$ begin execute format('update syncwell.sync_issues set %s where id = %L', p_set, md5(p_name)::uuid); end $$;
-- what was told of an issue, in order
create function pg_temp.told(p_name text)
returns text
language sql
as $$ select coalesce(string_agg(status || ' ' || severity || coalesce(' ' || (annotations ->> 'flapping'), ''), ', ' order by id), '-') from syncwell.alert_outbox where issue_id = md5(p_name)::uuid $$;

do $$ begin perform test.at('2026-03-10 09:00+00'); end $$;
do $$ begin perform pg_temp.open('one'); end $$;
select is(pg_temp.told('one'), 'firing critical', 'an issue that opens is told of');
select results_eq(
  $$select labels, annotations, fingerprint, user_id, starts_at, ends_at, created_at from syncwell.alert_outbox$$,
  format(
    $$values ('{"alertname": "failure", "severity": "critical", "org": "%s", "source": "calls", "stream": "%s", "platform": "ios", "user": "%s"}'::jsonb,
      '{"summary": "failure: calls", "description": "Do it."}'::jsonb, 'f-one', %3$L::uuid, '2026-03-10 09:00+00'::timestamptz, null::timestamptz, '2026-03-10 09:00+00'::timestamptz)$$,
    test.org('a'), md5('mine')::uuid, test.id('a_member')
  ),
  'as Alertmanager takes it'
);
do $$ begin perform pg_temp.set('one', 'last_seen_at = ''2026-03-10 09:05+00'', evidence = ''{"n": 2}'''); end $$;
select is(pg_temp.told('one'), 'firing critical', 'that it is still there is no news');
do $$ begin perform pg_temp.set('one', 'state = ''acknowledged'', acknowledged_at = now()'); end $$;
select is(pg_temp.told('one'), 'firing critical', 'nor that somebody takes it on');
do $$ begin perform test.at('2026-03-10 10:00+00'); perform pg_temp.set('one', 'state = ''resolved'', resolved_at = syncwell._now()'); end $$;
select is(pg_temp.told('one'), 'firing critical, resolved critical', 'that it is over is');
select results_eq(
  $$select starts_at, ends_at, annotations ->> 'summary' from syncwell.alert_outbox where status = 'resolved'$$,
  $$values ('2026-03-10 09:00+00'::timestamptz, '2026-03-10 10:00+00'::timestamptz, 'failure: calls is over')$$, 'from when to when'
);
select is((select count(distinct labels) from syncwell.alert_outbox), 1::bigint, 'under the same labels');
do $$ begin perform test.at('2026-03-10 11:00+00'); perform pg_temp.set('one', 'state = ''open'', resolved_at = null, times_opened = 2'); end $$;
select is(pg_temp.told('one'), 'firing critical, resolved critical, firing critical', 'that it is back is');
select is((select starts_at from syncwell.alert_outbox order by id desc limit 1), '2026-03-10 11:00+00'::timestamptz, 'since it was reopened');

-- severity
do $$ begin perform pg_temp.open('two', 'warning'); end $$;
do $$ begin perform pg_temp.set('two', 'severity = ''critical'''); end $$;
select is(pg_temp.told('two'), 'firing warning, firing critical', 'that it got worse is');
do $$ begin perform pg_temp.set('two', 'severity = ''warning'''); end $$;
select is(pg_temp.told('two'), 'firing warning, firing critical', 'that it got better is not');
do $$ begin perform pg_temp.set('two', 'state = ''resolved'', resolved_at = syncwell._now()'); end $$;
select is(pg_temp.told('two'), 'firing warning, firing critical, resolved critical', 'its end comes under the labels last told');
do $$ begin perform pg_temp.open('small', 'info'); end $$;
select is(pg_temp.told('small'), '-', 'what is less than alerts.minimum_severity is not told');
do $$ begin perform pg_temp.set('small', 'severity = ''warning'''); end $$;
select is(pg_temp.told('small'), 'firing warning', 'until it is as much');
do $$ begin perform syncwell.set_setting('alerts.minimum_severity', 'critical', p_source => 'calls', p_org_id => test.org('a')); perform pg_temp.open('mild', 'warning'); end $$;
select is(pg_temp.told('mild'), '-', 'a source may have a limit of its own');
do $$ begin perform pg_temp.set('mild', 'state = ''resolved'', resolved_at = syncwell._now()'); end $$;
select is(pg_temp.told('mild'), '-', 'what was not told of does not end');
do $$ begin perform syncwell.set_setting('alerts.minimum_severity', null, p_source => 'calls', p_org_id => test.org('a')); end $$;

-- what keeps it quiet
do $$ begin perform pg_temp.open('quiet', p_muted_by => 'silence'); end $$;
select is(pg_temp.told('quiet'), '-', 'a silenced one is not told');
do $$ begin perform pg_temp.set('quiet', 'muted_by = ''maintenance'''); end $$;
select is(pg_temp.told('quiet'), '-', 'nor under maintenance');
do $$ begin perform pg_temp.set('quiet', 'muted_by = ''parent'''); end $$;
select is(pg_temp.told('quiet'), '-', 'nor explained by another');
do $$ begin perform pg_temp.set('quiet', 'muted_by = null'); end $$;
select is(pg_temp.told('quiet'), 'firing critical', 'but once nothing keeps it quiet');
select is((select starts_at from syncwell.alert_outbox where issue_id = md5('quiet')::uuid), '2026-03-10 11:00+00'::timestamptz, 'since it was opened');
do $$ begin perform pg_temp.set('quiet', 'muted_by = ''silence'''); end $$;
do $$ begin perform pg_temp.set('quiet', 'state = ''resolved'', resolved_at = syncwell._now()'); end $$;
select is(pg_temp.told('quiet'), 'firing critical, resolved critical', 'the end of what was told of is told, silenced or not');
do $$ begin perform pg_temp.open('snoozed'); perform pg_temp.set('snoozed', 'state = ''snoozed'', snoozed_until = now()'); end $$;
select is(pg_temp.told('snoozed'), 'firing critical', 'a snooze is not told');
do $$ begin perform pg_temp.set('snoozed', 'severity = ''critical'', evidence = ''{"n": 2}'''); end $$;
select is(pg_temp.told('snoozed'), 'firing critical', 'and keeps it quiet');
do $$ begin perform test.at('2026-03-10 12:00+00'); perform pg_temp.set('snoozed', 'state = ''open'', snoozed_until = null'); end $$;
select is(pg_temp.told('snoozed'), 'firing critical, firing critical', 'its end is told');
select is((select min(starts_at) = max(starts_at) from syncwell.alert_outbox where issue_id = md5('snoozed')::uuid), true, 'it is the same one, since the same time');

-- flapping: once
do $$ begin perform pg_temp.open('flaps', p_muted_by => 'flapping'); end $$;
select is(pg_temp.told('flaps'), 'firing critical true', 'that it flaps is told');
do $$ begin perform pg_temp.set('flaps', 'evidence = ''{"n": 2}'''); perform pg_temp.set('flaps', 'severity = ''warning'''); perform pg_temp.set('flaps', 'severity = ''critical'''); end $$;
select is(pg_temp.told('flaps'), 'firing critical true', 'once');
do $$ begin perform pg_temp.set('flaps', 'muted_by = ''maintenance'''); perform pg_temp.set('flaps', 'muted_by = ''flapping'''); end $$;
select is(pg_temp.told('flaps'), 'firing critical true', 'also across maintenance');
do $$ begin perform pg_temp.set('flaps', 'muted_by = null'); end $$;
select is(pg_temp.told('flaps'), 'firing critical true, firing critical', 'that it does no more and is still there is');
do $$ begin perform pg_temp.set('flaps', 'state = ''resolved'', resolved_at = syncwell._now()'); end $$;
select is(pg_temp.told('flaps'), 'firing critical true, firing critical, resolved critical', 'and its end');
do $$ begin perform pg_temp.set('flaps', 'state = ''open'', resolved_at = null, times_opened = 2, muted_by = ''flapping'''); end $$;
select is(pg_temp.told('flaps'), 'firing critical true, firing critical, resolved critical, firing critical true', 'what is back is told anew');

-- a clock that goes back leaves the order of events
do $$ begin perform test.at('2026-03-10 08:00+00'); perform pg_temp.set('flaps', 'state = ''resolved'', resolved_at = syncwell._now()'); end $$;
select is((select status from syncwell.alert_outbox where issue_id = md5('flaps')::uuid order by id desc limit 1), 'resolved', 'the last event is the last');
select ok((select bool_and(ends_at >= starts_at) from syncwell.alert_outbox where ends_at is not null), 'nothing ends before it began');

-- who sees them
do $$ begin perform test.at('2026-03-10 12:00+00'); perform pg_temp.open('foreign', p_org => 'b'); end $$;
do $$ begin perform test.at('2026-03-10 12:00+00', 'a_analyst'); end $$;
select is((select count(*) from syncwell.get_alerts(1000)), (select count(*) from syncwell.alert_outbox where org_id = test.org('a')), 'an analyst sees the org''s');
select ok((select array_agg(alert_id) = array_agg(alert_id order by alert_id desc) from syncwell.get_alerts()), 'the newest first');
select is((select distinct status from syncwell.get_alerts(p_status => 'resolved')), 'resolved', 'by status');
select is((select count(*) from syncwell.get_alerts(2)), 2::bigint, 'so many');
do $$ begin perform test.at('2026-03-10 12:00+00', 'a_member'); end $$;
select is((select count(*) from syncwell.get_alerts()), 0::bigint, 'a member none');
select throws_ok($$select * from syncwell.get_alerts(p_status => 'loud')$$, '22023', 'unknown status of an alert', 'an unknown status');
select throws_ok($$select * from syncwell.get_alerts(0)$$, '22023', 'limit out of range', 'no limit');

-- retention: 30 days after the end
do $$ begin perform test.at('2026-04-09 10:59:59+00'); end $$;
create temp table before as select count(*) as n from syncwell.alert_outbox;
select is(syncwell._expire_alerts_task(), 0::bigint, 'kept for so long');
do $$ begin perform test.at('2026-04-09 11:00:01+00'); end $$;
select is(syncwell._expire_alerts_task(), (select 5::bigint), 'deleted with the issues that were over by then');
select is(pg_temp.told('one') || pg_temp.told('two'), 'firing critical, resolved critical, firing critical-', 'not with one that lasts');
select * from finish();
rollback;
