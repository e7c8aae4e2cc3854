begin;
select plan(31);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create temp table made (name text primary key, id uuid default gen_random_uuid());
grant select on made to public;
insert into made (name) values ('late'), ('failing'), ('other'), ('org'), ('mass'), ('foreign'), ('old'), ('rested');
create function pg_temp.issue(p_name text)
returns uuid
language sql
as $$ select id from made where name = p_name $$;

insert into syncwell.streams (org_id, stream_id, user_id, source) values
(test.org('a'), md5('mine')::uuid, test.id('a_member'), 'calls'),
(test.org('a'), md5('other')::uuid, test.id('a_other'), 'calls'),
(test.org('a'), md5('org')::uuid, null, 'todoist'),
(test.org('b'), md5('foreign')::uuid, test.id('b_member'), 'calls');
insert into syncwell.sync_issues (
  org_id, id, fingerprint, issue_type, severity, state, stream_id, user_id, source, evidence, since, opened_at,
  last_seen_at, resolved_at, snoozed_until, parent_id
)
select
  test.org(coalesce(v.org, 'a')), m.id, v.name, v.type, v.severity, v.state, md5(v.stream)::uuid, test.id(v.owner), v.source,
  '{"device_id": "phone", "limit": 3}', v.since, '2026-03-10 08:00+00', '2026-03-10 09:00+00', v.resolved, v.snoozed,
  case v.name when 'late' then pg_temp.issue('mass') end
from (
  values
  ('late', null, 'stale_data', 'warning', 'open', 'mine', 'a_member', 'calls', '2026-03-10 07:00+00'::timestamptz, null::timestamptz, null::timestamptz),
  ('failing', null, 'failure', 'critical', 'open', 'mine', 'a_member', 'calls', '2026-03-10 07:30+00', null, null),
  ('rested', null, 'slow', 'info', 'snoozed', 'mine', 'a_member', 'calls', null, null, '2026-03-10 10:00+00'),
  ('old', null, 'gap', 'warning', 'resolved', 'mine', 'a_member', 'calls', null, '2026-03-10 09:30+00', null),
  ('other', null, 'stale_data', 'critical', 'open', 'other', 'a_other', 'calls', '2026-03-10 06:00+00', null, null),
  ('org', null, 'stale_data', 'warning', 'open', 'org', null, 'todoist', '2026-03-10 05:00+00', null, null),
  ('mass', null, 'mass_staleness', 'critical', 'open', null, null, null, '2026-03-10 07:50+00', null, null),
  ('foreign', 'b', 'failure', 'critical', 'open', 'foreign', 'b_member', 'calls', null, null, null)
) as v (name, org, type, severity, state, stream, owner, source, since, resolved, snoozed)
join made as m on m.name = v.name;

create function pg_temp.shown(p_state text default null, p_source text default null, p_limit integer default 50, p_user_id uuid default null)
returns text
language sql
as $$
  select coalesce(string_agg(m.name, ' ' order by g.n), '-')
  from syncwell.get_sync_issues(p_state, p_source, p_limit, p_user_id) with ordinality as g (issue_id, a, b, c, d, e, f, h, i, j, k, l, m, o, p, q, r, s, t, u, v, n)
  join made as m on m.id = g.issue_id
$$;

do $$ begin perform test.at('2026-03-10 09:59+00', 'a_member'); end $$;
select is(pg_temp.shown(), 'failing org late rested', 'a member sees those of its own and of the org''s streams, the worst and then the oldest first');
select is(pg_temp.shown('all'), 'failing org late old rested', 'all');
select is(pg_temp.shown('open'), 'failing org late', 'open');
select is(pg_temp.shown('snoozed'), 'rested', 'snoozed');
select is(pg_temp.shown('resolved'), 'old', 'resolved');
select is(pg_temp.shown('acknowledged'), '-', 'acknowledged: none');
select is(pg_temp.shown(p_source => 'todoist'), 'org', 'by source');
select is(pg_temp.shown(p_source => 'nothing'), '-', 'a source there is not');
select is(pg_temp.shown(p_limit => 2), 'failing org', 'the worst of them');
select is(pg_temp.shown(p_user_id => test.id('a_member')), 'failing late rested', 'its own');
select throws_ok($$select pg_temp.shown(p_user_id => test.id('a_other'))$$, 'SW002', 'unknown user', 'nobody else''s');
select is((select parent_id from syncwell.get_sync_issues() where issue_id = pg_temp.issue('late')), null, 'nor that there is a mass of them');
select is((select evidence from syncwell.get_sync_issues() limit 1), '{"device_id": "phone", "limit": 3}', 'with its evidence');
do $$ begin perform syncwell.set_setting('consent_required', 'true', p_org_id => test.org('a')); end $$;
select is((select evidence from syncwell.get_sync_issues() limit 1), '{"limit": 3}', 'without the device where consent is asked for by now');
select is((select evidence from syncwell.get_sync_issues(p_source => 'todoist')), '{"device_id": "phone", "limit": 3}', 'which the org''s own streams need not give');
do $$ begin perform syncwell.set_setting('consent_required', null, p_org_id => test.org('a')); end $$;
do $$ begin perform test.at('2026-03-10 10:00+00'); end $$;
select is(pg_temp.shown('snoozed'), '-', 'a snooze that is over is none');
select is(pg_temp.shown('open'), 'failing org late rested', 'but open, though nobody has written so yet');
select results_eq(
  format($$select state, snoozed_until from syncwell.get_sync_issues() where issue_id = %L$$, pg_temp.issue('rested')),
  $$values ('open', null::timestamptz)$$, 'and shown as open'
);
insert into syncwell.health_evaluations values (test.org('a'), '2026-03-10 09:55+00');
update syncwell.sync_issues set gone_since = '2026-03-10 09:10+00' where id = pg_temp.issue('late');
select results_eq(
  $$select distinct issue_type, last_seen_at from syncwell.get_sync_issues('all') order by 1$$,
  $$values ('failure', '2026-03-10 09:55+00'::timestamptz), ('gap', '2026-03-10 09:00+00'), ('slow', '2026-03-10 09:55+00'), ('stale_data', '2026-03-10 09:00+00'), ('stale_data', '2026-03-10 09:55+00')$$,
  'what is not gone was seen at the last evaluation'
);

do $$ begin perform test.at('2026-03-10 10:00+00', 'a_analyst'); end $$;
select is(pg_temp.shown(), 'other failing mass org late rested', 'an analyst sees the whole org''s');
select is((select parent_id from syncwell.get_sync_issues() where issue_id = pg_temp.issue('late')), pg_temp.issue('mass'), 'and what explains it');
select is(pg_temp.shown(p_user_id => test.id('a_other')), 'other', 'those of one user');
select throws_ok($$select pg_temp.shown(p_user_id => test.id('b_member'))$$, 'SW002', 'unknown user', 'of the org');
do $$ begin perform test.at('2026-03-10 10:00+00', 'b_admin'); end $$;
select is(pg_temp.shown('all'), 'foreign', 'the other org sees its own');

select throws_ok($$select pg_temp.shown('closed')$$, '22023', 'unknown state of an issue', 'a state that there is not');
select throws_ok($$select pg_temp.shown(p_limit => 0)$$, '22023', 'limit out of range', 'no limit');
select throws_ok($$select pg_temp.shown(p_limit => 1001)$$, '22023', 'limit out of range', 'too high a limit');
select throws_ok($$select pg_temp.shown(p_limit => null)$$, '22004', 'a limit is needed', 'NULL');

-- the policy shows the same
set session authorization a_member;
select is((select string_agg(issue_type || ' ' || source, ', ' order by issue_type, source) from syncwell.sync_issues), 'failure calls, gap calls, slow calls, stale_data calls, stale_data todoist', 'a member may select what it is shown');
set session authorization a_analyst;
select is((select count(*) from syncwell.sync_issues), 7::bigint, 'an analyst all of the org');
set session authorization nobody_login;
select throws_ok('select * from syncwell.get_sync_issues()', 'SW001', null, 'nobody sees nothing');
reset session authorization;
select * from finish();
rollback;
