begin;
select plan(13);
create function pg_temp.at(p_time text) returns void language sql as $$
  select set_config('syncwell.fake_now', p_time || '+00', true) $$;
create function pg_temp.made() returns void language sql as $$
  insert into syncwell.sync_progress (org_id, sync_id, total_items, source_system) values
  (test.org('a'), 'long', 10, null), (test.org('a'), 'shop', 10, 'shop'), (test.org('a'), 'ended', 10, null), (test.org('a'), 'paused', 10, null),
  (test.org('a'), 'rested', 10, null), (test.org('a'), 'again', 10, null), (test.org('b'), 'theirs', 10, null);
  insert into syncwell.sync_progress (org_id, sync_id) values (test.org('a'), 'waiting');
  update syncwell.sync_progress set status = 'failed' where sync_id = 'ended';
  update syncwell.sync_progress set status = 'paused' where sync_id in ('paused', 'rested');
$$;
do $$ begin
  perform syncwell.bind_login(session_user, 'service', test.org('a'), null);
  perform syncwell.set_setting('progress.max_duration', '2 days', 'shop');
  perform pg_temp.at('2026-03-01 12:00'), pg_temp.made(), pg_temp.at('2026-03-01 18:00');
  update syncwell.sync_progress set status = 'in_progress' where sync_id = 'rested';
  update syncwell.sync_progress set status = 'pending' where sync_id = 'again';
  perform pg_temp.at('2026-03-02 12:00');
end $$;
select is_empty('select * from syncwell.reap_sync_progress()', 'a day is the maximum');
do $$ begin perform pg_temp.at('2026-03-02 12:00:01'); end $$;
create temp table reaped as select * from syncwell.reap_sync_progress(1);
select results_eq('select org_id, sync_id, source_system, started_at, elapsed_seconds from reaped',
  $$select p.org_id, p.sync_id, null::text, timestamptz '2026-03-01 12:00+00', 86401::numeric from syncwell.sync_progress as p
    where p.status = 'timeout'$$, 'one at a time');
select lives_ok('select * from syncwell.reap_sync_progress()', 'the rest');
select set_eq($$select sync_id from syncwell.sync_progress where status = 'timeout'$$, $$values ('long'), ('waiting')$$,
  'not the paused one, not one whose pause or reset saved it, not one of another source or org');
select is((select completed_at from syncwell.sync_progress where sync_id = 'long'), timestamptz '2026-03-02 12:00:01+00', 'they ended now');
select is_empty('select * from syncwell.reap_sync_progress()', 'each once');
do $$ begin perform pg_temp.at('2026-03-02 18:00:01'); end $$;
-- a limit is one of syncs, however many of one source there are
select set_eq('select sync_id from syncwell.reap_sync_progress(2)', $$values ('rested'), ('again')$$, 'a pause and a reset move the time');
do $$ begin perform pg_temp.at('2026-03-03 12:00:01'); end $$;
select set_eq('select sync_id from syncwell.reap_sync_progress()', $$values ('shop')$$, 'the setting of a source');
do $$ begin perform syncwell.bind_login(session_user, 'gateway', null, null); end $$;
select set_eq('select org_id, sync_id from syncwell.reap_sync_progress()', $$values (test.org('b'), 'theirs')$$, 'all orgs');
select throws_ok('select * from syncwell.reap_sync_progress(0)', '22023', null, 'no limit of 0');
select throws_ok('select * from syncwell.reap_sync_progress(1001)', '22023', null, 'nor of 1001');
select throws_ok('select * from syncwell.reap_sync_progress(null)', '22004', null, 'nor none');

-- the duties of maintenance
select set_eq($$select task, routine from syncwell.maintenance_tasks where domain = 'progress'$$,
  $$values ('reap_progress', '_reap_progress_task'), ('expire_progress', '_expire_progress_task')$$, 'two duties are registered');
select * from finish();
rollback;
