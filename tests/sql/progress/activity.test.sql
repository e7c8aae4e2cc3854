begin;
select plan(17);
set local syncwell.fake_now = '2026-03-10 12:00+00';
create function pg_temp.entries(p_sync_id text) returns setof text language sql as $$
  select concat_ws(' ', a.action, a.status, a.entity_type, a.record_count, a.duration_seconds)
  from syncwell.sync_activity_log as a where a.org_id = test.org('a') and a.sync_id = p_sync_id order by a.created_at $$;
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_admin'));
  perform syncwell.report_sync_progress(n, 2, 10, p_entity_type => 'order') from unnest('{done,faulty,failed,cancelled,timeout,paused,reset,plain,member}'::text[]) as n;
end $$;
select is_empty($$select from syncwell.sync_activity_log$$, 'a sync that runs has no entry');
set local syncwell.fake_now = '2026-03-10 12:01+00';
do $$ begin
  perform syncwell.report_sync_progress('done', 10);
  perform syncwell.report_sync_progress('done', 10);
  perform syncwell.report_sync_progress('faulty', 7, p_failed_count => 3);
  perform syncwell.report_sync_progress('failed', p_status => 'failed');
  perform syncwell.report_sync_progress('failed', p_status => 'failed');
  perform syncwell.cancel_sync('cancelled');
  perform syncwell.cancel_sync('cancelled');
  update syncwell.sync_progress set processed_count = 10 where sync_id = 'plain';
  update syncwell.sync_progress set metadata = '{}' where sync_id = 'plain';
  insert into syncwell.sync_progress (sync_id, total_items) values ('empty', 0);
  insert into syncwell.sync_progress (sync_id, total_items, processed_count) values ('empty', 0, 0) on conflict do nothing;
  perform syncwell.report_sync_progress('at once', 5, 5);
end $$;
select results_eq($$select pg_temp.entries('done')$$, $$values ('sync_complete completed order 10 60.000')$$, 'completed, once, with records and seconds');
select results_eq($$select pg_temp.entries('faulty')$$, $$values ('sync_complete completed_with_errors order 7 60.000')$$, 'completed with errors');
select results_eq($$select pg_temp.entries('failed')$$, $$values ('sync_complete failed order 2 60.000')$$, 'failed, told twice, logged once');
select results_eq($$select pg_temp.entries('cancelled')$$, $$values ('sync_complete cancelled order 2 60.000')$$, 'cancelled');
select results_eq($$select pg_temp.entries('plain')$$, $$values ('sync_complete completed order 10 60.000')$$, 'a plain update; labels afterwards add nothing');
select results_eq($$select pg_temp.entries('empty')$$, $$values ('sync_complete completed 0 0.000')$$, 'nothing to do: done at its insert');
select results_eq($$select pg_temp.entries('at once')$$, $$values ('sync_complete completed 5 0.000')$$, 'and all done at the first report');
select results_eq($$select distinct user_id from syncwell.sync_activity_log$$, $$values (test.id('a_admin'))$$, 'by who started it');
set local syncwell.fake_now = '2026-03-10 12:02+00';
do $$ begin perform syncwell.pause_sync('paused'); end $$;
set local syncwell.fake_now = '2026-03-10 13:00+00';
do $$ begin perform syncwell.resume_sync('paused'), syncwell.resume_sync('paused'); end $$;
select results_eq($$select pg_temp.entries('paused')$$, $$values ('partial_resume in_progress order 2 120.000')$$, 'a resume, once; the pause does not count');
set local syncwell.fake_now = '2026-03-10 13:01+00';
do $$ begin
  perform syncwell.report_sync_progress('reset', 10);
  perform syncwell.report_sync_progress('reset', 0, p_status => 'pending');
end $$;
set local syncwell.fake_now = '2026-03-10 13:02+00';
do $$ begin perform syncwell.report_sync_progress('reset', 10); end $$;
select results_eq($$select pg_temp.entries('reset')$$, $$values ('sync_complete completed order 10 3660.000'), ('sync_complete completed order 10 60.000')$$, 'what starts over ends anew');
set local syncwell.fake_now = '2026-03-12 12:00+00';
do $$ begin perform syncwell.reap_sync_progress(), syncwell.reap_sync_progress(); end $$;
select results_eq($$select pg_temp.entries('timeout')$$, $$values ('sync_complete timeout order 2 172800.000')$$, 'the reaper');

-- a sync that is a run: the run's end is the one entry, however the row ended
create temp table run as select n as name, s.event_id, s.lease from unnest('{first,counted,paused}'::text[]) as n, lateral syncwell.record_sync_start('src-' || n) as s;
do $$ begin
  perform syncwell.report_sync_progress(event_id::text, 5, 10, p_entity_type => 'order') from run;
  perform syncwell.report_sync_progress(event_id::text, 10) from run where name = 'counted';
  perform syncwell.pause_sync(event_id::text) from run where name = 'paused';
  perform syncwell.resume_sync(event_id::text) from run where name = 'paused';
end $$;
select results_eq($$select pg_temp.entries(event_id::text) from run where name = 'counted'$$, $$values ('sync_start in_progress')$$, 'while the run goes on');
do $$ begin perform syncwell.record_sync_complete(event_id, lease, 9) from run; end $$;
select results_eq($$select r.name, e from run as r, lateral pg_temp.entries(r.event_id::text) as e order by r.name, e$$,
  $$values ('counted', 'sync_complete completed 9 0.000'), ('counted', 'sync_start in_progress'), ('first', 'sync_complete completed 9 0.000'), ('first', 'sync_start in_progress'),
  ('paused', 'partial_resume in_progress order 5 0.000'), ('paused', 'sync_complete completed 9 0.000'), ('paused', 'sync_start in_progress')$$, 'one start and one end of each run');
-- where runs log nothing, the row does
do $$ begin perform syncwell.set_setting('activity.log_runs', 'off', 'quiet', p_org_id => test.org('a')); end $$;
create temp table quiet as select s.event_id, s.lease from syncwell.record_sync_start('quiet') as s;
do $$ begin
  perform syncwell.report_sync_progress(event_id::text, 5, 10) from quiet;
  perform syncwell.record_sync_complete(event_id, lease, 9) from quiet;
end $$;
select results_eq($$select pg_temp.entries(event_id::text) from quiet$$, $$values ('sync_complete completed 5 0.000')$$, 'a run that logs nothing leaves it to its progress');
-- the name of another org's run is a name like any other
insert into syncwell.sync_progress (org_id, sync_id, total_items, status, initiated_by) select test.org('b'), event_id::text, 3, 'failed', null from run where name = 'first';
select is((select count(*) from syncwell.sync_activity_log where org_id = test.org('b')), 1::bigint, 'of another org''s run nothing is known');
select is((select count(*) from syncwell.sync_activity_log as a join syncwell.sync_progress as p using (org_id, sync_id) where a.action = 'sync_complete' and p.completed_at is null), 0::bigint, 'nothing has ended that runs') ;
select * from finish();
rollback;
