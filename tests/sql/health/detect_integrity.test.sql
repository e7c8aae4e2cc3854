-- A synced table whose changes are not tracked: its devices don't get them, and nothing else tells.
begin;
select plan(9);

create schema shop;
grant usage on schema shop to syncwell_owner;
create table shop.todos (id text primary key, user_id uuid not null, title text);
create table shop.notes (id text primary key, user_id uuid not null, title text);
do $$ begin perform syncwell.register_synced_table('shop.todos'); perform syncwell.register_synced_table('shop.notes'); end $$;
do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create view pg_temp.found as
select i.source, i.issue_type, i.severity, i.since, i.evidence, i.suggestion, i.user_id, i.stream_id
from syncwell.detect_sync_issues() as i;
do $$ begin perform test.at('2026-03-10 08:00+00', 'a_analyst'); end $$;
select is_empty('select * from pg_temp.found', 'tracked as they should be');

do $$ begin alter table shop.todos disable trigger syncwell_updated; end $$;
select results_eq(
  'select source, issue_type, severity, since, user_id, stream_id from pg_temp.found',
  $$values ('app', 'integrity', 'critical', null::timestamptz, null::uuid, null::uuid)$$, 'a trigger that is disabled'
);
select results_eq(
  'select evidence, suggestion from pg_temp.found',
  $$values (
    '{"table": "todos", "problems": [{"relation": "shop.todos", "problem": "Its triggers are not as they should be: syncwell_updated is disabled."}]}'::jsonb,
    'Changes of this table may not reach devices. For its owner: select syncwell.ensure_tracking(''shop.todos'');'
  )$$, 'with what is wrong and who can help'
);
do $$ begin perform syncwell.act_as(test.id('a_admin')); end $$;
select is((select count(*) from pg_temp.found), 1::bigint, 'an admin sees it');
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select is_empty('select * from pg_temp.found', 'a member does not');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is_empty(format('select * from syncwell.detect_sync_issues(%L)', test.id('a_member')), 'nor is it an issue of one user');

do $$ begin alter table shop.notes disable trigger syncwell_inserted; end $$;
select results_eq('select evidence ->> ''table'' from pg_temp.found order by 1', $$values ('notes'), ('todos')$$, 'one a table');
select set_eq(
  $$select i.issue_type, i.cause from syncwell._issues_of(test.org('a'), null, null, null, true) as i$$,
  $$values ('integrity', 'notes'), ('integrity', 'todos')$$, 'that its name tells apart'
);
do $$
begin
  alter table shop.todos enable trigger syncwell_updated;
  perform syncwell.unregister_synced_table('shop.notes');
end
$$;
select is_empty('select * from pg_temp.found', 'put right, it is gone');

select * from finish();
rollback;
