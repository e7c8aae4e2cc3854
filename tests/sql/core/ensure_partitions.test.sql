begin;
select plan(31);
set local timezone = 'America/New_York';
set local syncwell.fake_now = '2026-01-31 23:30:00-05';  -- February in UTC

create table syncwell.proof_ids (org_id uuid, id uuid, note text, primary key (org_id, id)) partition by range (id);
create table syncwell.proof_times (org_id uuid, at timestamptz, primary key (org_id, at)) partition by range (at);
alter table syncwell.proof_ids owner to syncwell_owner;
alter table syncwell.proof_times owner to syncwell_owner;
insert into syncwell.setting_definitions (key, kind, default_value, description) values ('test.retention', 'interval', '60 days', 'For the test.');
insert into syncwell.partitioned_tables values ('proof_ids', 'id', 'uuid7', 2, 'test.retention'), ('proof_times', 'at', 'timestamptz', 1, null);

select bag_eq('select table_name, partition_name, moved_rows from syncwell.ensure_partitions(''proof_ids'')',
  $$values ('proof_ids', 'proof_ids_2026_02', 0::bigint), ('proof_ids', 'proof_ids_2026_03', 0), ('proof_ids', 'proof_ids_2026_04', 0)$$,
  'this month in UTC and the registry''s months ahead');
select is_empty('select * from syncwell.ensure_partitions(''proof_ids'')', 'twice makes nothing twice');
select is((select count(*) from syncwell.ensure_partitions('proof_ids', 4)), 2::bigint, 'further ahead on demand');
select is((select count(*) from syncwell.ensure_partitions('proof_times')), 2::bigint, 'the same for times');
select throws_ok('select * from syncwell.ensure_partitions(''streams'')', '22023', 'not a partitioned table', 'a table that is none');
select throws_ok('select * from syncwell.ensure_partitions(null, -1)', '22023', 'months ahead out of range', 'months back');

select has_table('syncwell', 'proof_ids_default', 'there is a default partition');
select ok(bool_and(relrowsecurity) and count(*) = 6, 'partitions have row-level security')
from pg_class join pg_inherits on inhrelid = oid where inhparent = 'syncwell.proof_ids'::regclass;
select ok(bool_and(relacl is null), 'and are granted to nobody') from pg_class join pg_inherits on inhrelid = oid where inhparent = 'syncwell.proof_ids'::regclass;
select is(pg_get_expr(relpartbound, oid), 'FOR VALUES FROM (''2026-02-01 00:00:00+00'') TO (''2026-03-01 00:00:00+00'')', 'UTC months')
from (select oid, relpartbound from pg_class, set_config('timezone', 'UTC', true) where oid = 'syncwell.proof_times_2026_02'::regclass) as c;

-- Nobody made the months: rows go to the default partition, and are healed later, none lost.
set local syncwell.fake_now = '2026-08-15';
insert into syncwell.proof_ids select test.org('a'), syncwell._uuid7(t), 'late' from generate_series('2026-06-28'::timestamptz, '2026-08-15', '1 day') as t;
insert into syncwell.proof_ids values (test.org('a'), syncwell._uuid7('2026-02-10'), 'old'), (test.org('a'), syncwell._uuid7('2031-01-01'), 'wrong clock');
insert into syncwell.proof_times select test.org('a'), t from generate_series('2026-06-28'::timestamptz, '2026-08-15', '1 day') as t;
select is((select count(*) from syncwell.proof_ids_default), 47::bigint, 'rows without a month lie in the default partition');
select matches(finding, 'rows in the default', 'which partition_health() reports') from syncwell.partition_health('proof_ids') where is_default;
select matches(finding, 'not run for too long', 'and that the newest month is past') from syncwell.partition_health('proof_times') where month = '2026-03-01 00:00+00';
select is((select sum(moved_rows) from syncwell.ensure_partitions('proof_ids')), 46::numeric, 'healing moves them');
select is((select count(*) from syncwell.proof_ids where note = 'late'), 49::bigint, 'all are still there');
select is((select count(*) from only syncwell.proof_ids_default), 1::bigint, 'a row of a wrong clock stays');
select is((select count(*) from syncwell.proof_ids_2026_07), 31::bigint, 'each in its month');
select is((select sum(moved_rows) from syncwell.ensure_partitions('proof_times')), 49::numeric, 'the same for times');
select is((select count(*) from syncwell.proof_times), 49::bigint, 'and none lost');
select is_empty('select * from syncwell.ensure_partitions(''proof_ids'')', 'then all is there');
select throws_ok('insert into syncwell.proof_ids select * from syncwell.proof_ids limit 1', '23505', null, 'keys hold in healed partitions');

-- Retention by whole months; a partition holds rows of all orgs, so the longest one counts.
select syncwell.set_setting('test.retention', '10 years', p_org_id => test.org('b'));
select is_empty('select * from syncwell.drop_old_partitions(''proof_ids'')', 'what one org keeps longer is kept');
select is(syncwell.set_setting('test.retention', null, p_org_id => test.org('b')), '60 days', 'the default again');
select results_eq('select partition_name from syncwell.drop_old_partitions(''proof_ids'')',
  $$values ('proof_ids_2026_02'), ('proof_ids_2026_03'), ('proof_ids_2026_04'), ('proof_ids_2026_05')$$, 'what is past its retention goes');
select is_empty('select * from syncwell.drop_old_partitions(''proof_times'')', 'without a retention nothing does');
select is((select count(*) from syncwell.proof_ids where note = 'old'), 0::bigint, 'with its rows');
select is((select count(*) from syncwell.proof_ids where note = 'late'), 49::bigint, 'and no others');
set local syncwell.fake_now = '2026-09-15';
select is((select sum(syncwell._partitions_task(t.table_name)) from syncwell.partitioned_tables as t) >= 2, true, 'the maintenance duty does both');
select has_table('syncwell', 'proof_ids_2026_11', 'for every registered table');

set session authorization operator;
select lives_ok('select * from syncwell.ensure_partitions()', 'operators may');
reset session authorization;
set session authorization a_service;
select throws_ok('select * from syncwell.drop_old_partitions()', '42501', null, 'services may not');
reset session authorization;

select * from finish();
rollback;
