-- What devices tell of themselves comes out as issues: their queues and their clocks.
begin;
select plan(10);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create view pg_temp.found as
select i.source, i.issue_type, i.severity, i.since, i.evidence, i.user_id from syncwell.detect_sync_issues() as i;
create function pg_temp.tell(p_device text, p_oldest timestamptz, p_reported timestamptz, p_depth bigint default 4)
returns void
language sql
as $$
  select syncwell.update_sync_health_metrics(
    null, 'calls',
    jsonb_strip_nulls(jsonb_build_object(
      'device_id', p_device, 'platform', 'ios', 'queue_depth', p_depth, 'oldest_pending_at', p_oldest, 'reported_at', p_reported
    ))
  );
$$;
do $$ begin perform test.at('2026-03-10 12:00+00', 'a_member'); end $$;
do $$ begin perform pg_temp.tell('phone', '2026-03-10 11:30+00', '2026-03-10 12:00+00'); end $$;
select is_empty('select * from pg_temp.found', 'half an hour is no backlog');
do $$ begin perform test.at('2026-03-10 12:30:01+00'); end $$;
select results_eq(
  'select source, issue_type, severity, since, user_id from pg_temp.found',
  format($$values ('calls', 'queue_backlog', 'warning', '2026-03-10 11:30+00'::timestamptz, %L::uuid)$$, test.id('a_member')),
  'it becomes one without another word from the device'
);
do $$ begin perform pg_temp.tell('pad', '2026-03-10 12:10+00', '2026-03-10 12:30+00', 2); end $$;
select results_eq('select since, (evidence ->> ''queue_depth'')::integer from pg_temp.found', $$values ('2026-03-10 11:30+00'::timestamptz, 6)$$, 'of two devices the one that waits longer, and both queues');
do $$ begin perform pg_temp.tell('phone', null, '2026-03-10 12:30:01+00', 0); end $$;
select is_empty('select * from pg_temp.found', 'gone once that is empty');
do $$ begin perform test.at('2026-03-11 12:09:59+00'); end $$;
select results_eq('select issue_type, severity from pg_temp.found', $$values ('queue_backlog', 'warning')$$, 'the other one waits for nearly a day');
do $$ begin perform test.at('2026-03-11 12:10+00'); end $$;
select results_eq('select issue_type, severity from pg_temp.found', $$values ('queue_backlog', 'critical')$$, 'a whole one is critical');
do $$ begin perform pg_temp.tell('pad', null, '2026-03-11 12:11:30+00', 0); end $$;
select results_eq(
  'select issue_type, severity, evidence ->> ''device_id'', (evidence ->> ''ahead_seconds'')::numeric from pg_temp.found',
  $$values ('clock_skew', 'info', 'pad', 90::numeric)$$, 'a report from a minute and a half ahead'
);
do $$ begin perform test.at('2026-03-11 12:11:10+00'); perform pg_temp.tell('pad', null, '2026-03-11 12:11:00+00', 0); end $$;
select results_eq('select issue_type from pg_temp.found', $$values ('clock_skew')$$, 'one that is older than that by its own account changes nothing');
do $$ begin perform test.at('2026-03-11 12:12+00'); perform pg_temp.tell('pad', null, '2026-03-11 12:12:00+00', 0); end $$;
select is_empty('select * from pg_temp.found', 'with the clock put right it is gone');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select is_empty('select * from pg_temp.found', 'nobody else is told');

select * from finish();
rollback;
