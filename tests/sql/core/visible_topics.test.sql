begin;
select plan(40);

insert into syncwell.streams (org_id, stream_id, user_id, source) values
(test.org('a'), md5('member')::uuid, test.id('a_member'), 'calls'),
(test.org('a'), md5('other')::uuid, test.id('a_other'), 'calls'),
(test.org('a'), md5('org')::uuid, null, 'todoist'),
(test.org('b'), md5('foreign')::uuid, test.id('b_member'), 'calls'),
(test.org('b'), md5('foreign org')::uuid, null, 'todoist');
insert into syncwell.sync_issues (
  org_id, id, fingerprint, issue_type, severity, stream_id, user_id, evidence, opened_at, last_seen_at
)
select s.org_id, s.stream_id, s.stream_id::text, 'failure', 'critical', s.stream_id, s.user_id, '{}'::jsonb, now(), now()
from syncwell.streams as s
union all
select o.org_id, md5('mass' || o.org_id)::uuid, 'mass', 'mass_staleness', 'critical', null, null, '{}', now(), now()
from syncwell.orgs as o;
insert into syncwell.sync_sessions (
  org_id, session_id, user_id, local_id, source, started_at, created_at, updated_at
)
select s.org_id, s.stream_id, s.user_id, 'one', 'sessions', now(), now(), now()
from syncwell.streams as s
where s.user_id is not null;
insert into syncwell.sync_progress (org_id, id, sync_id) values
(test.org('a'), md5('a')::uuid, 'one'), (test.org('b'), md5('b')::uuid, 'one');
insert into syncwell.record_changes (scope, table_id, record_id, xid)
select s.scope, 1, 'one', pg_current_xact_id()
from unnest(array[test.org('a'), test.org('b'), test.id('a_member'), test.id('a_other'), test.id('b_member')]) as s (scope);

-- on which topics a row is told, as the server that sends events routes it
create temporary table routes as
select 'sync_progress' as relation, p.id::text as row_id, 'progress:' || p.org_id as topic from syncwell.sync_progress as p
union all
select 'streams', s.stream_id::text, t.topic
from syncwell.streams as s
cross join unnest(array[
  'health:' || s.org_id, coalesce('health:' || s.user_id, 'health_common:' || s.org_id)
]) as t (topic)
union all
select 'sync_issues', i.id::text, t.topic
from syncwell.sync_issues as i
cross join unnest(array[
  'health:' || i.org_id,
  case
    when i.user_id is not null then 'health:' || i.user_id
    when i.stream_id is not null then 'health_common:' || i.org_id
  end
]) as t (topic)
where t.topic is not null
union all
select 'sync_sessions', s.session_id::text, t.topic
from syncwell.sync_sessions as s
cross join unnest(array['sessions:' || s.org_id, 'sessions:' || s.user_id]) as t (topic);
grant select on routes to public;

create function pg_temp.routed(p_relation text)
returns setof text
language sql
as $$
  select distinct r.row_id
  from routes as r
  join syncwell.visible_topics() as v on v.topic = r.topic
  where r.relation = p_relation
$$;

create temporary table logins as
select * from unnest(array['a_member', 'a_other', 'a_analyst', 'a_admin', 'a_service', 'b_member', 'b_admin', 'b_service'])
  as l (login);

create function pg_temp.as_login(p_login text)
returns setof text
language plpgsql
as $$
begin
  execute format('set session authorization %I', p_login);
  return next bag_eq('select id::text from syncwell.sync_progress', $q$select pg_temp.routed('sync_progress')$q$,
    p_login || ' is told of the syncs it sees');
  return next bag_eq('select stream_id::text from syncwell.streams', $q$select pg_temp.routed('streams')$q$,
    p_login || ' is told of the streams it sees');
  return next bag_eq('select id::text from syncwell.sync_issues', $q$select pg_temp.routed('sync_issues')$q$,
    p_login || ' is told of the issues it sees');
  return next bag_eq('select session_id::text from syncwell.sync_sessions', $q$select pg_temp.routed('sync_sessions')$q$,
    p_login || ' is told of the sessions it sees');
  reset session authorization;
end
$$;
select pg_temp.as_login(l.login) from logins as l;

-- what there is to pull: one's own, and the org's
set session authorization a_member;
select bag_eq($$select topic from syncwell.visible_topics() where topic ~ '^changes'$$,
  $$select 'changes:' || s.scope from syncwell.record_changes as s$$, 'a member pulls the changes of its scopes');
select bag_eq('select topic from syncwell.visible_topics()', format(
  'values (%L), (%L), (%L), (%L), (%L), (%L)', 'progress:' || test.org('a'), 'health:' || test.id('a_member'),
  'health_common:' || test.org('a'), 'sessions:' || test.id('a_member'), 'changes:' || test.id('a_member'),
  'changes:' || test.org('a')), 'and that is all of its topics');
reset session authorization;
set session authorization a_admin;
select bag_eq($$select topic from syncwell.visible_topics() where topic ~ '^changes'$$, format(
  'values (%L), (%L)', 'changes:' || test.id('a_admin'), 'changes:' || test.org('a')),
  'an admin sees the records of all, and pulls its own');
reset session authorization;
set session authorization a_service;
select bag_eq('select topic from syncwell.visible_topics()', format('values (%L), (%L), (%L)',
  'progress:' || test.org('a'), 'health:' || test.org('a'), 'sessions:' || test.org('a')), 'a service pulls nothing');
reset session authorization;

-- nobody, and whoever forges to be somebody
set session authorization nobody_login;
select throws_ok('select * from syncwell.visible_topics()', 'SW001', null, 'nobody is told of anything');
reset session authorization;
set session authorization a_climber;
select set_config('syncwell.user_id', test.id('b_admin')::text, true), set_config('syncwell.org_id', test.org('b')::text, true);
select is_empty($$select * from syncwell.visible_topics() where topic ~ (test.org('b') || '|' || test.id('b_admin'))$$,
  'a forged setting gives no topic of another org');
reset session authorization;
set session authorization gateway;
select syncwell.act_as(test.id('b_member'));
select isnt_empty($$select * from syncwell.visible_topics() where topic = 'health:' || test.id('b_member')$$,
  'a gateway gets those of whom it acts for');
reset session authorization;
set session authorization operator;
select throws_ok('select * from syncwell.visible_topics()', 'SW001', null, 'an operator is nobody either');
reset session authorization;

select * from finish();
rollback;
