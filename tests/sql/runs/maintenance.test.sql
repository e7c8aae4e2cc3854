begin;
select plan(14);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

do $$ begin
  perform syncwell.record_sync_start('calls', p_run_key => 'old'), syncwell.mark_error_resolved(syncwell.create_sync_error('calls', 'old')), syncwell.create_sync_error('calls', 'open');
  perform syncwell.record_sync_complete(r.event_id, r.lease) from syncwell.record_sync_start('calls') as r;
  perform pg_temp.at('13:00');
end $$;
select is(syncwell._expire_source_attempts_task(), 0::bigint, 'counts are kept for an hour');
do $$ begin perform pg_temp.at('13:01'); end $$;
select is(syncwell._expire_source_attempts_task(), 1::bigint, 'no longer');
do $$ begin perform set_config('syncwell.fake_now', '2026-12-21 12:00+00', true), syncwell.record_sync_start('calls', p_run_key => 'new'); end $$;
select is(syncwell._expire_run_keys_task(), 0::bigint, 'run keys for 30 days');
do $$ begin perform set_config('syncwell.fake_now', '2026-12-21 12:00:01+00', true); end $$;
select is(syncwell._expire_run_keys_task(), 1::bigint, 'no longer');
select is((select string_agg(run_key, ' ') from syncwell.sync_run_keys), 'new', 'the newer one stays');
do $$ begin perform set_config('syncwell.fake_now', '2027-02-19 12:00+00', true); end $$;
select is(syncwell._expire_sync_errors_task(), 0::bigint, 'resolved errors for 90 days');
do $$ begin perform set_config('syncwell.fake_now', '2027-02-19 12:00:01+00', true); end $$;
select syncwell.set_setting('runs.retention', '1 year', p_org_id => test.org('a'));
select is(syncwell._expire_sync_errors_task(), 0::bigint, 'an org may keep them longer');
insert into syncwell.streams (org_id, source) values (test.org('a'), 'sms'), (test.org('b'), 'calls');
select syncwell.set_setting('runs.retention', '7 days', 'sms', p_org_id => test.org('a'));
select is(syncwell._expire_sync_errors_task(), 0::bigint, 'whatever another source or another org does');
select syncwell.set_setting('runs.retention', null, p_org_id => test.org('a'));
select is(syncwell._expire_sync_errors_task(), 1::bigint, 'no longer');
select is((select count(*) from syncwell.sync_errors), 1::bigint, 'open ones for ever');
select is(syncwell._reap_runs_task(), 2::bigint, 'runs that are over');
select set_has(
  'select routine from syncwell.maintenance_tasks', $$values ('_reap_runs_task'), ('_expire_run_keys_task'), ('_expire_sync_errors_task'), ('_expire_source_attempts_task')$$, 'registered'
);
select results_eq('select retention_setting from syncwell.partitioned_tables where table_name = ''sync_events''', $$values ('runs.retention')$$, 'so are the partitions');
select is(
  (select count(*) from pg_attribute as a join pg_class as c on c.oid = a.attrelid and c.relkind in ('r', 'p') and not c.relispartition
  where c.relnamespace = 'syncwell'::regnamespace and a.attname = 'user_id' and c.relname in ('sync_events', 'sync_run_keys', 'sync_state', 'sync_errors', 'source_attempts', 'circuits')
  and not exists (select from syncwell.personal_data as p where p.table_name = c.relname)), 0::bigint, 'and what is personal'
);

select * from finish();
rollback;
