begin;
select plan(10);

create schema app;
grant usage on schema app to syncwell_owner, syncwell_client, syncwell_reader;
create table app.todos (id text primary key, user_id uuid, title text);
create table app.notes (org_id uuid, id bigint, body text, primary key (org_id, id));
select syncwell.register_synced_table('app.todos');
select syncwell.register_synced_table('app.notes', 'org_id', p_scope => 'org');

insert into app.todos select n::text, test.id('a_member'), 'x' from generate_series(1, 3) as n;
insert into app.todos values ('other', test.id('a_other'), 'x'), ('foreign', test.id('b_member'), 'x');
insert into app.notes values (test.org('a'), 7, 'x'), (test.org('b'), 7, 'x');
select is_empty('select * from syncwell.deleted_records', 'nothing is deleted');

delete from app.todos where id in ('1', '2', 'foreign');
delete from app.notes;
create function pg_temp.deleted() returns table (user_id uuid, table_name text, record_id text) language sql as $$
  select d.user_id, d.table_name, d.record_id from syncwell.deleted_records as d order by 2, 3, 1
$$;

select set_config('syncwell.fake_now', '2026-03-10 08:00+00', true);
update app.todos set user_id = test.id('a_other') where id = '3';
select results_eq(
  $$select d.user_id, d.deleted_at from syncwell.deleted_records as d where d.record_id = '3'$$,
  $$values (test.id('a_member'), timestamptz '2026-03-10 08:00+00')$$,
  'a record that goes to somebody else is deleted for whom it was taken from, and not for the other'
);
insert into app.todos values ('1', test.id('a_member'), 'again');
select is_empty($$select * from syncwell.deleted_records where record_id = '1'$$, 'what is back is not deleted');
delete from app.todos where id = '1';
select results_eq(
  $$select user_id, deleted_at from syncwell.deleted_records where record_id = '1'$$,
  $$values (test.id('a_member'), timestamptz '2026-03-10 08:00+00')$$,
  'deleted, inserted, deleted: one row, as of the last time'
);
select is(
  (select count(*) from syncwell.deleted_records),
  (select count(*) from (select distinct table_name, record_id, user_id from syncwell.deleted_records where user_id is not null) as d)
  + 2,
  'one row a user, table and record; the records of the two orgs have no user'
);

set session authorization a_member;
select results_eq(
  'select * from pg_temp.deleted()',
  $$values (null::uuid, 'notes', '7'), (test.id('a_member'), 'todos', '1'), (test.id('a_member'), 'todos', '2'), (test.id('a_member'), 'todos', '3')$$,
  'a member: his own and the org''s'
);
reset session authorization;
set session authorization a_analyst;
select is((select count(*) from pg_temp.deleted()), 4::bigint, 'an analyst: all of the org');
reset session authorization;
set session authorization b_admin;
select results_eq('select record_id from pg_temp.deleted()', $$values ('7'), ('foreign')$$, 'another org: its own');
reset session authorization;
set session authorization nobody_login;
select is_empty('select * from pg_temp.deleted()', 'nobody: nothing');
reset session authorization;

select syncwell.unregister_synced_table('app.todos');
select is_empty($$select * from syncwell.deleted_records where table_name = 'todos'$$, 'gone with the registration');

select * from finish();
rollback;
