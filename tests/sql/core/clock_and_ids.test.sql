begin;
select plan(17);

select cmp_ok(abs(extract(epoch from syncwell._now() - clock_timestamp())), '<', 5::numeric, 'the clock is the server''s');
set local syncwell.fake_now = '2026-03-01 12:00+00';
select is(syncwell._now(), '2026-03-01 12:00+00'::timestamptz, 'a member of the owner moves it');
set session authorization a_admin;
select cmp_ok(abs(extract(epoch from syncwell._now() - clock_timestamp())), '<', 5::numeric, 'nobody else does');
reset session authorization;
set local syncwell.fake_now = '';
select cmp_ok(abs(extract(epoch from syncwell._now() - clock_timestamp())), '<', 5::numeric, 'empty is not set');
select is(provolatile, 's', 'stable: indexes and pruning work with it') from pg_proc where oid = 'syncwell._now()'::regprocedure;

select is(substr(syncwell._uuid7('2026-03-01')::text, 15, 1), '7', 'version 7');
select matches(substr(syncwell._uuid7('2026-03-01')::text, 20, 1), '[89ab]', 'variant of RFC 9562');
select is(syncwell._uuid7_time(syncwell._uuid7('2026-03-01 12:34:56.789+00')), '2026-03-01 12:34:56.789+00'::timestamptz, 'holds the time');
select is(syncwell._uuid7_time(syncwell._uuid7_floor('2026-03-01 12:34:56.789+00')), '2026-03-01 12:34:56.789+00'::timestamptz, 'so does the floor');
select ok(syncwell._uuid7('2026-03-01 00:00+00') >= syncwell._uuid7_floor('2026-03-01 00:00+00'), 'no id lies below its floor');
select ok(syncwell._uuid7('2026-02-28 23:59:59.999+00') < syncwell._uuid7_floor('2026-03-01 00:00+00'), 'an earlier id does');
select ok(bool_and(a < b), 'ids follow the time, also within a millisecond')
from (select syncwell._uuid7(t) as a, syncwell._uuid7(t + interval '2 microseconds') as b
  from generate_series('2026-03-01'::timestamptz, '2026-03-01 00:00:01', '997 microseconds') as t) as pairs;
select is(count(distinct syncwell._uuid7('2026-03-01')), 1000::bigint, 'ids of one moment differ') from generate_series(1, 1000);

-- A table of its own proves what the partitioning stands on: the key stays (org_id, id), foreign keys work, an id alone prunes.
create table syncwell.proof (org_id uuid, id uuid, primary key (org_id, id)) partition by range (id);
alter table syncwell.proof owner to syncwell_owner;
insert into syncwell.partitioned_tables values ('proof', 'id', 'uuid7', 3);
set local syncwell.fake_now = '2026-03-10';
do $$ begin perform syncwell.ensure_partitions('proof'); end $$;
create table syncwell.proof_note (org_id uuid, id uuid, foreign key (org_id, id) references syncwell.proof);
insert into syncwell.proof values (test.org('a'), syncwell._uuid7('2026-04-02'));
select lives_ok('insert into syncwell.proof_note select * from syncwell.proof', 'a foreign key to it works');
select throws_ok('delete from syncwell.proof', '23503', null, 'and holds');
create function pg_temp.plan(p_query text) returns text language plpgsql
as $$ declare v_plan text := ''; v_line text; begin
  for v_line in execute 'explain (costs off) ' || p_query loop v_plan := v_plan || v_line || E'\n'; end loop; return v_plan; end $$;
select unalike(pg_temp.plan(format('select * from syncwell.proof where id = %L', id)), '%proof_2026_03%', 'an id alone prunes the other months')
from syncwell.proof;
select alike(pg_temp.plan(format('select * from syncwell.proof where id = %L', id)), '%proof_2026_04%', 'and reads its own')
from syncwell.proof;

select * from finish();
rollback;
