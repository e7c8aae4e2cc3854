begin;
select plan(39);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
insert into syncwell.streams (org_id, stream_id, user_id, source) values
(test.org('a'), md5('mine')::uuid, test.id('a_member'), 'calls'),
(test.org('a'), md5('org')::uuid, null, 'todoist'),
(test.org('b'), md5('foreign')::uuid, test.id('b_member'), 'calls');
insert into syncwell.sync_issues (
  org_id, id, fingerprint, issue_type, severity, state, stream_id, user_id, source, evidence, opened_at, last_seen_at,
  resolved_at
)
select
  test.org(v.org), md5(v.name)::uuid, v.name, 'failure', 'critical', v.state, md5(v.stream)::uuid, test.id(v.owner), 'calls',
  '{}', '2026-03-10 08:00+00', '2026-03-10 08:00+00', case v.state when 'resolved' then '2026-03-10 08:30+00'::timestamptz end
from (
  values
  ('mine', 'a', 'open', 'mine', 'a_member'), ('over', 'a', 'resolved', 'mine', 'a_member'),
  ('org', 'a', 'open', 'org', null), ('mass', 'a', 'open', null, null), ('foreign', 'b', 'open', 'foreign', 'b_member')
) as v (name, org, state, stream, owner);
create function pg_temp.row_of(p_name text)
returns text
language sql
as $$
  select concat_ws(' ', state, to_char(acknowledged_at at time zone 'UTC', 'HH24:MI'), note, to_char(snoozed_until at time zone 'UTC', 'DD HH24:MI'))
  from syncwell.sync_issues where id = md5(p_name)::uuid
$$;
create function pg_temp.acknowledge(p_name text, p_note text default null)
returns boolean
language sql
as $$ select syncwell.acknowledge_issue(md5(p_name)::uuid, p_note) $$;
create function pg_temp.snooze(p_name text, p_for interval, p_note text default null)
returns timestamptz
language sql
as $$ select syncwell.snooze_issue(md5(p_name)::uuid, p_for, p_note) $$;

-- acknowledge_issue
do $$ begin perform test.at('2026-03-10 09:00+00', 'a_member'); end $$;
select ok(pg_temp.acknowledge('mine', 'I look'), 'taken on');
select is(pg_temp.row_of('mine'), 'acknowledged 09:00 I look', 'when, and the note');
select is((select acknowledged_by from syncwell.sync_issues where id = md5('mine')::uuid), test.id('a_member'), 'by whom');
do $$ begin perform test.at('2026-03-10 09:10+00', 'a_admin'); end $$;
select ok(not pg_temp.acknowledge('mine'), 'taken on already');
select ok(not pg_temp.acknowledge('mine', 'I look'), 'with the same words');
select ok(pg_temp.acknowledge('mine', 'It is the router'), 'the note may change');
select is(pg_temp.row_of('mine'), 'acknowledged 09:00 It is the router', 'whoever came first stays');
select is((select acknowledged_by from syncwell.sync_issues where id = md5('mine')::uuid), test.id('a_member'), 'who');
select ok(pg_temp.acknowledge('org'), 'an admin handles the org''s');
select ok(pg_temp.acknowledge('mass'), 'also what is no stream''s');
do $$ begin perform syncwell.act_as_org(test.org('a')); end $$;
select is((select count(*) from syncwell.sync_issues where acknowledged_by is null and state = 'acknowledged'), 0::bigint, 'so far people');
select lives_ok($$select pg_temp.snooze('org', '1 hour')$$, 'a service handles them too');
select ok(pg_temp.acknowledge('org'), 'and takes them on');
select is((select acknowledged_by from syncwell.sync_issues where id = md5('org')::uuid), null, 'as nobody');

-- snooze_issue
do $$ begin perform test.at('2026-03-10 09:20+00', 'a_member'); end $$;
select is(pg_temp.snooze('mine', '2 hours', 'after lunch'), '2026-03-10 11:20+00'::timestamptz, 'snoozed until');
select is(pg_temp.row_of('mine'), 'snoozed 09:00 after lunch 10 11:20', 'kept');
do $$ begin perform test.at('2026-03-10 09:30+00'); end $$;
select is(pg_temp.snooze('mine', '1 day'), '2026-03-11 09:30+00'::timestamptz, 'snoozed again, from now on');
select is(pg_temp.row_of('mine'), 'snoozed 09:00 after lunch 11 09:30', 'the note stays');
set local timezone to 'Europe/Berlin';
do $$ begin perform test.at('2026-03-28 22:00+00'); end $$;
select is(pg_temp.snooze('mine', '1 day'), '2026-03-29 22:00+00'::timestamptz, 'a day is 24 hours, whatever the clocks of the session do');
reset timezone;
select ok(pg_temp.acknowledge('mine'), 'taking it on ends the snooze');
select is(pg_temp.row_of('mine'), 'acknowledged 22:00 after lunch', 'now');
select throws_ok($$select pg_temp.snooze('mine', '59 seconds')$$, '22023', 'p_for is out of range', 'too short');
select throws_ok($$select pg_temp.snooze('mine', '91 days')$$, '22023', 'p_for is out of range', 'too long');
select throws_ok($$select pg_temp.snooze('mine', '-1 hour')$$, '22023', 'p_for is out of range', 'backwards');
select throws_ok($$select pg_temp.snooze('mine', null)$$, '22004', 'a time to snooze is needed', 'NULL');

-- who may not, and what can not be
select throws_ok($$select pg_temp.acknowledge('over')$$, 'SW604', 'the issue is resolved', 'what is over');
select throws_ok($$select pg_temp.snooze('over', '1 hour')$$, 'SW604', 'the issue is resolved', 'cannot rest');
select throws_ok($$select pg_temp.acknowledge('mine', repeat('x', 1001))$$, '22001', 'p_note is too long', 'a long note');
select throws_ok($$select pg_temp.snooze('mine', '1 hour', repeat('x', 1001))$$, '22001', 'p_note is too long', 'a long note of a snooze');
select throws_ok($$select syncwell.acknowledge_issue(null)$$, '22004', 'an issue is needed', 'none');
create function pg_temp.said(p_name text)
returns text
language plpgsql
as $$
declare
  v_detail text;
begin
  perform syncwell.acknowledge_issue(md5(p_name)::uuid);
  return 'done';
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    return sqlstate || sqlerrm || replace(v_detail, md5(p_name)::uuid::text, '?');
end
$$;
select is(pg_temp.said('nothing'), 'SW601unknown issueThere is no issue ? that this caller may handle.', 'one that there is not');
select is(pg_temp.said('foreign'), pg_temp.said('nothing'), 'one of another org');
select is(pg_temp.said('org'), pg_temp.said('nothing'), 'one of the org''s own stream');
select is(pg_temp.said('mass'), pg_temp.said('nothing'), 'one of the whole org');
do $$ begin perform test.at('2026-03-28 22:00+00', 'a_other'); end $$;
select is(pg_temp.said('mine'), pg_temp.said('nothing'), 'one of another user');
select throws_ok($$select pg_temp.snooze('mine', '1 hour')$$, 'SW601', 'unknown issue', 'which cannot be put to rest either');
do $$ begin perform test.at('2026-03-28 22:00+00', 'a_analyst'); end $$;
select throws_ok($$select pg_temp.acknowledge('mine')$$, '42501', null, 'an analyst handles none');
select is(pg_temp.said('foreign'), pg_temp.said('nothing'), 'and is told nothing of them');
do $$ begin perform test.at('2026-03-28 22:00+00', 'b_admin'); end $$;
select throws_ok($$select pg_temp.acknowledge('mine')$$, 'SW601', 'unknown issue', 'an admin of another org');
select * from finish();
rollback;
