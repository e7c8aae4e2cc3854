-- Stuck runs: five separate limits, the first that holds names it.
begin;
select plan(39);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create temporary table run (name text, event_id uuid, lease uuid);
create function pg_temp.start(p_name text, p_source text, p_heartbeat boolean default false)
returns void
language plpgsql
as $$
declare
  v_run record;
begin
  v_run := syncwell.record_sync_start(p_source => p_source);
  insert into run values (p_name, v_run.event_id, v_run.lease);
  if p_heartbeat then
    perform syncwell.record_sync_heartbeat(v_run.event_id, v_run.lease);
  end if;
end
$$;
create function pg_temp.beat(p_name text)
returns void
language sql
as $$ select syncwell.record_sync_heartbeat(r.event_id, r.lease) from run as r where r.name = p_name; $$;
create view pg_temp.stuck as
select i.source, i.severity, i.since, i.evidence ->> 'cause' as cause, i.evidence, i.stream_id
from syncwell.detect_sync_issues() as i
where i.issue_type = 'stuck';
-- what looks at heartbeats only
create view pg_temp.silent as
select e.source from syncwell.sync_events as e
where e.status = 'started' and e.heartbeat_at < syncwell._now() - interval '90 seconds';
do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;

-- never_started
do $$ begin perform syncwell.report_sync_progress('import', p_source_system => 'shop'); perform test.at('2026-03-10 08:03+00'); end $$;
select is_empty('select * from pg_temp.stuck', 'a sync may wait for three minutes to begin');
do $$ begin perform test.at('2026-03-10 08:03:01+00'); end $$;
select results_eq(
  'select source, severity, since, cause, stream_id from pg_temp.stuck',
  $$values ('shop', 'warning', '2026-03-10 08:00+00'::timestamptz, 'never_started', null::uuid)$$, 'not longer'
);
select is(
  (select evidence from pg_temp.stuck),
  $${"sync_id": "import", "cause": "never_started", "started_at": "2026-03-10T08:00:00+00:00", "waiting_seconds": 181, "start_timeout_seconds": 180}$$::jsonb,
  'with the numbers'
);
do $$ begin perform syncwell.set_setting('health.start_timeout', '10 minutes', p_source => 'shop', p_org_id => test.org('a')); end $$;
select is_empty('select * from pg_temp.stuck', 'the time is a setting of its source');
do $$ begin perform syncwell.set_setting('health.start_timeout', null, p_source => 'shop', p_org_id => test.org('a')); end $$;
do $$ begin perform syncwell.report_sync_progress('import', 0, 10); end $$;
select is_empty('select * from pg_temp.stuck', 'what was heard of just now is not stuck');
do $$ begin perform syncwell.report_sync_progress('import', 1, 10, p_status => 'in_progress'); end $$;
do $$ begin perform syncwell.cancel_sync('import'); perform test.at('2026-03-10 09:00+00'); end $$;
select is_empty('select * from pg_temp.stuck', 'nor what has ended');

do $$
begin
  perform pg_temp.start('waiting', 'calls', true);
  perform syncwell.report_sync_progress(r.event_id::text) from run as r where r.name = 'waiting';
  perform test.at('2026-03-10 09:04+00');
  perform pg_temp.beat('waiting');
end
$$;
select results_eq('select source, cause, since from pg_temp.stuck', $$values ('calls', 'never_started', '2026-03-10 09:00+00'::timestamptz)$$, 'a run that lives and never begins, too');
do $$ begin perform test.at('2026-03-10 09:06+00'); end $$;
select results_eq('select cause from pg_temp.stuck', $$values ('no_heartbeat')$$, 'until its worker is gone');
do $$ begin perform syncwell.cancel_sync_run(r.event_id) from run as r; delete from run; end $$;

-- a retry that was claimed and never started
create temporary table retry as select null::uuid as error_id, null::uuid as lease limit 0;
do $$
begin
  perform test.run('calls', '2026-03-10 09:10+00', 'failed', 0);
  perform test.at('2026-03-10 09:20+00');
end
$$;
select is_empty('select * from pg_temp.stuck', 'a retry that is due and that nobody took waits for its turn');
select isnt_empty('select from syncwell.sync_errors as e where e.next_retry_at < syncwell._now()', 'though it is due for long');
do $$
begin
  insert into retry select c.error_id, c.retry_lease from syncwell.claim_due_retries(10, '2 minutes') as c;
  perform test.at('2026-03-10 09:21:59+00');
end
$$;
select is_empty('select * from pg_temp.stuck', 'one that was claimed has until its claim is over');
do $$ begin perform test.at('2026-03-10 09:22+00'); end $$;
select results_eq(
  'select source, cause, since, (evidence ->> ''error_id'')::uuid from pg_temp.stuck',
  $$select 'calls', 'never_started', '2026-03-10 09:22+00'::timestamptz, error_id from retry$$, 'and no longer'
);
do $$
begin
  perform syncwell.act_as(test.id('a_other'));
end
$$;
select is_empty('select * from pg_temp.stuck', 'which is told to nobody else');
do $$
declare
  v_run record;
begin
  perform syncwell.act_as(test.id('a_member'));
  v_run := syncwell.record_sync_start('calls', p_retry_of => r.error_id) from retry as r;
end
$$;
select is_empty('select * from pg_temp.stuck', 'started is started');
do $$ begin perform syncwell.cancel_sync_run(e.id) from syncwell.sync_events as e where e.status = 'started'; end $$;
do $$ begin perform syncwell.mark_error_resolved(error_id) from retry; end $$;

-- no_heartbeat, and a run that never sent one
do $$
begin
  perform test.at('2026-03-10 10:00+00');
  perform syncwell.register_stream('sms', p_max_runtime => '10 minutes');
  perform pg_temp.start('beating', 'calls', true);
  perform pg_temp.start('mute', 'sms');
  perform test.at('2026-03-10 10:01:31+00');
end
$$;
select results_eq('select source, cause, since from pg_temp.stuck', $$values ('calls', 'no_heartbeat', '2026-03-10 10:00+00'::timestamptz)$$, 'silent for longer than a heartbeat may take');
do $$ begin perform pg_temp.beat('beating'); end $$;
select is_empty('select * from pg_temp.stuck', 'a late sign of life is one');
do $$ begin perform test.at('2026-03-10 10:10+00'); perform pg_temp.beat('beating'); perform test.at('2026-03-10 10:10:01+00'); end $$;
select results_eq(
  'select source, cause, since, evidence -> ''heartbeat_at'' from pg_temp.stuck',
  $$values ('sms', 'over_max_runtime', '2026-03-10 10:00+00'::timestamptz, 'null'::jsonb)$$,
  'a run that never sent one is found by its longest time'
);
select is_empty('select * from pg_temp.silent', 'heartbeats tell nothing of that');
do $$ begin perform test.at('2026-03-10 10:12:00+00'); end $$;
select results_eq(
  'select source, cause, since from pg_temp.stuck order by 1',
  $$values ('calls', 'no_heartbeat', '2026-03-10 10:10+00'::timestamptz), ('sms', 'over_max_runtime', '2026-03-10 10:00+00')$$,
  'each by its own limit, since its last sign of life or its start'
);
do $$ begin perform syncwell.cancel_sync_run(r.event_id) from run as r; delete from run; end $$;

-- no_progress: alive is not moving
do $$
begin
  perform test.at('2026-03-10 11:00+00');
  perform pg_temp.start('standing', 'calls', true);
  perform syncwell.report_sync_progress(r.event_id::text, 0, 100) from run as r;
  perform test.at('2026-03-10 11:00:10+00');
  perform syncwell.report_sync_progress(r.event_id::text, 5) from run as r;
  perform test.at('2026-03-10 11:20+00');
  perform pg_temp.beat('standing');
end
$$;
select results_eq(
  'select source, cause, since, evidence ->> ''processed_count'' from pg_temp.stuck',
  $$values ('calls', 'no_progress', '2026-03-10 11:00:10+00'::timestamptz, '5')$$, 'a run that lives and counts nothing'
);
select is_empty('select * from pg_temp.silent', 'heartbeats tell nothing of that either');
do $$
begin
  perform pg_temp.start('moving', 'calls', true);
  perform syncwell.report_sync_progress(r.event_id::text, 6, 100) from run as r;
end
$$;
select is_empty('select * from pg_temp.stuck', 'counting again it is not stuck');
do $$ begin perform test.at('2026-03-10 11:40+00'); end $$;
select results_eq('select cause from pg_temp.stuck', $$values ('no_heartbeat'), ('no_heartbeat')$$, 'two of one stream are two issues, and each is told once');
select is(
  (select count(distinct i.cause) from syncwell._issues_of(test.org('a'), null, null, null, true) as i where i.issue_type = 'stuck'),
  2::bigint, 'that can be told apart'
);
select set_eq(
  $$select i.cause from syncwell._issues_of(test.org('a'), null, null, null, true) as i where i.issue_type = 'stuck'$$,
  'select event_id::text from run', 'by their runs, so the same from call to call'
);
do $$ begin perform syncwell.cancel_sync_run(r.event_id) from run as r; delete from run; end $$;

-- unusually_long: by what is usual of the stream
do $$
begin
  perform test.at('2026-03-10 12:00+00');
  insert into syncwell.stream_states (org_id, stream_id, user_id, source, usual_duration_ms, usual_runs)
  select s.org_id, s.stream_id, s.user_id, s.source, 600000, 10
  from syncwell.streams as s where s.user_id = test.id('a_member') and s.source = 'calls';
  perform pg_temp.start('long', 'calls');
  perform test.at('2026-03-10 12:25+00');
end
$$;
select is_empty('select * from pg_temp.stuck', 'a run of usually ten minutes may take 15 more');
do $$ begin perform test.at('2026-03-10 12:25:01+00'); end $$;
select results_eq(
  'select source, severity, cause, since from pg_temp.stuck',
  $$values ('calls', 'warning', 'unusually_long', '2026-03-10 12:00+00'::timestamptz)$$, 'and no more'
);
select is(
  (select evidence - 'event_id' from pg_temp.stuck),
  $${"cause": "unusually_long", "started_at": "2026-03-10T12:00:00+00:00", "heartbeat_at": null, "running_seconds": 1501, "items_processed": null,
    "silent_seconds": 1501, "heartbeat_timeout_seconds": 90, "max_runtime_seconds": 86400, "usual_seconds": 600, "limit_seconds": 1500}$$::jsonb,
  'with what is usual and what follows from it'
);
select is_empty('select * from pg_temp.silent', 'its heartbeats, of which there are none, say nothing');
do $$ begin perform pg_temp.beat('long'); end $$;
select results_eq('select cause, since from pg_temp.stuck', $$values ('unusually_long', '2026-03-10 12:00+00'::timestamptz)$$, 'and one that beats is no younger for that');
do $$ begin update syncwell.sync_events as e set heartbeat_at = null where e.status = 'started'; end $$;
do $$ begin update syncwell.stream_states as x set usual_duration_ms = 3600000 where x.source = 'calls'; perform test.at('2026-03-10 14:00+00'); end $$;
select is_empty('select * from pg_temp.stuck', 'of an hour: up to twice as long');
do $$ begin perform test.at('2026-03-10 14:00:01+00'); end $$;
select results_eq('select cause from pg_temp.stuck', $$values ('unusually_long')$$, 'not longer');
do $$ begin update syncwell.stream_states as x set usual_runs = 9 where x.source = 'calls'; end $$;
select is_empty('select * from pg_temp.stuck', 'with fewer than ten runs nothing is usual');
do $$ begin perform test.at('2026-03-11 12:00+00'); end $$;
select is_empty('select * from pg_temp.stuck', 'then only the longest time counts: a day, where none is declared');
do $$ begin perform test.at('2026-03-11 12:00:01+00'); end $$;
select results_eq('select cause from pg_temp.stuck', $$values ('over_max_runtime')$$, 'which it is over');
do $$ begin perform syncwell.set_setting('runs.max_runtime', '48 hours', p_source => 'calls', p_org_id => test.org('a')); end $$;
select is_empty('select * from pg_temp.stuck', 'or as its setting says');

-- who may know
do $$ begin perform syncwell.set_setting('runs.max_runtime', null, p_source => 'calls', p_org_id => test.org('a')); perform syncwell.act_as(test.id('a_other')); end $$;
select is_empty('select * from pg_temp.stuck', 'another member is not told');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select results_eq('select source from pg_temp.stuck', $$values ('calls')$$, 'an analyst is');
do $$ begin perform syncwell.act_as(test.id('a_member')); perform syncwell.unregister_stream('calls'); end $$;
select is_empty('select * from pg_temp.stuck', 'nobody waits for a stream that is retired');

select * from finish();
rollback;
