begin;
select plan(27);
set local timezone = 'America/New_York';
set local syncwell.fake_now = '2026-01-31 23:30:00-05';  -- February in UTC
create function pg_temp.month_of(p_at timestamptz) returns text language sql as $$
  select a.tableoid::regclass::text from syncwell.sync_activity_log as a where a.created_at = p_at $$;
do $$ begin
  -- what the installation made, whenever it was
  execute (select string_agg(format('drop table syncwell.%I', partition_name), ';') from syncwell._partitions('sync_activity_log'));
  perform syncwell.bind_login(session_user, 'service', test.org('a'), null);
end $$;

select bag_eq('select * from syncwell.ensure_activity_partitions()',
  $$select format('sync_activity_log_2026_%s', m), 0::bigint from unnest('{02,03,04,05}'::text[]) as m$$, 'this month in UTC and three ahead');
select is_empty('select * from syncwell.ensure_activity_partitions(null)', 'NULL: as many as the registry says; twice makes nothing twice');
select is((select count(*) from syncwell.ensure_activity_partitions(5)), 2::bigint, 'further ahead');
select throws_ok('select * from syncwell.ensure_activity_partitions(-1)', '22023', 'months ahead out of range', 'months back');
select throws_ok('select * from syncwell.ensure_activity_partitions(121)', '22023', 'months ahead out of range', 'too far ahead');
set session authorization a_admin;
select throws_ok('select * from syncwell.ensure_activity_partitions()', '42501', null, 'for operators');
reset session authorization;

-- For four months nobody makes partitions. Nothing is refused: runs, progress, entries told; and nothing is lost.
set local syncwell.fake_now = '2026-11-20 12:00+00';
do $$
declare v_run record;
begin
  for m in 8..11 loop
    perform set_config('syncwell.fake_now', format('2026-%s-15 12:00+00', m), true);
    v_run := syncwell.record_sync_start('calls');
    perform syncwell.record_sync_complete(v_run.event_id, v_run.lease, 1);
    perform syncwell.report_sync_progress('p' || m, 1, 1);
    perform syncwell.log_sync_activity('batch_process');
  end loop;
  -- the clock of a server that was wrong for a while
  perform set_config('syncwell.fake_now', '2031-05-01 12:00+00', true);
  perform syncwell.log_sync_activity('manual_trigger');
  perform set_config('syncwell.fake_now', '2026-11-20 12:00+00', true);
end $$;
select is((select count(*) from syncwell.sync_activity_log), 17::bigint, 'every entry is there');
select is((select count(*) from syncwell.sync_activity_log_default), 17::bigint, 'without a month to go to');
select is((select count(*) from syncwell.get_sync_activity(p_action => 'sync_complete')), 8::bigint, 'and is found there');
select matches(finding, 'rows in the default partition', 'partition_health() reports it') from syncwell.partition_health('sync_activity_log') where is_default;
select matches(finding, 'has not run for too long', 'and that nobody made months') from syncwell.partition_health('sync_activity_log') where month = '2026-07-01 00:00+00';
create temp table before as select * from syncwell.sync_activity_log;
select bag_eq('select * from syncwell.ensure_activity_partitions()',
  $$values ('sync_activity_log_2026_08', 4::bigint), ('sync_activity_log_2026_09', 4), ('sync_activity_log_2026_10', 4), ('sync_activity_log_2026_11', 4),
  ('sync_activity_log_2026_12', 0), ('sync_activity_log_2027_01', 0), ('sync_activity_log_2027_02', 0)$$, 'healing');
select bag_eq('select * from syncwell.sync_activity_log', 'select * from before', 'leaves every entry as it was');
select is(pg_temp.month_of('2031-05-01 12:00+00'), 'syncwell.sync_activity_log_default', 'what comes from a wrong clock stays');
select matches(finding, 'a time too far ahead', 'and is reported') from syncwell.partition_health('sync_activity_log') where is_default;
select is((select count(*) from syncwell.sync_activity_log_2026_09), 4::bigint, 'the others are in their months');
select is_empty('select * from syncwell.ensure_activity_partitions()', 'then all is there');
select is((select bool_and(c.relrowsecurity) from pg_inherits as i join pg_class as c on c.oid = i.inhrelid where i.inhparent = 'syncwell.sync_activity_log'::regclass), true, 'healed partitions have row-level security');
select throws_ok('update syncwell.sync_activity_log_2026_09 set record_count = 1', '42501', null, 'and keep what they have');
select is((select count(*) from pg_index where indrelid = 'syncwell.sync_activity_log_2026_09'::regclass), (select count(*) from pg_index where indrelid = 'syncwell.sync_activity_log'::regclass), 'and all indexes');

-- Retention is a setting; the longest counts.
set local syncwell.fake_now = '2027-09-02 12:00+00';
select results_eq($$select partition_name from syncwell.drop_old_partitions('sync_activity_log')$$,
  $$select format('sync_activity_log_2026_%s', m) from unnest('{02,03,04,05,06,07,08}'::text[]) as m$$, 'after twelve months a month goes');
do $$ begin perform syncwell.set_setting('activity.on_expiry', 'detach', p_org_id => test.org('b')); end $$;
set local syncwell.fake_now = '2027-10-02 12:00+00';
select results_eq($$select partition_name from syncwell.drop_old_partitions('sync_activity_log')$$, $$values ('sync_activity_log_2026_09_detached')$$, 'or stays as a table of its own, where any org wants that');
select is((select count(*) from syncwell.sync_activity_log_2026_09_detached), 4::bigint, 'with its entries');
select is((select relrowsecurity and relacl is null from pg_class where relname = 'sync_activity_log_2026_09_detached'), true, 'and open to nobody');
-- its month comes again: entries that were late
do $$ begin insert into syncwell.sync_activity_log (org_id, created_at, action, status) values (test.org('a'), '2026-09-20 12:00+00', 'sync_start', 'completed'); end $$;
select results_eq($$select moved_rows from syncwell.ensure_activity_partitions(0) where partition_name = 'sync_activity_log_2026_09'$$, 'values (1::bigint)', 'its month is free for what is late');
select results_eq($$select partition_name from syncwell.drop_old_partitions('sync_activity_log')$$, $$values ('sync_activity_log_2026_09_detached_2')$$, 'and goes again');
select throws_ok($$select syncwell.set_setting('activity.retention', '-1 month')$$, 'SW011', null, 'a retention of minus one month is refused');
select * from finish();
rollback;
