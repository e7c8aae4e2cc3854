-- Sessions that are not whole are an issue, one for all of them.
begin;
select plan(14);

do $$ begin
  perform syncwell.bind_login(session_user, 'gateway');
  perform test.at('2026-03-03 12:00+00', 'a_analyst');
end $$;
create view pg_temp.found as
select i.source, i.issue_type, i.severity, i.since, i.evidence, i.suggestion, i.user_id, i.stream_id
from syncwell.detect_sync_issues() as i
where i.issue_type = 'integrity';
do $$ begin
  perform test.session(n || '.' || u, '2026-03-02 08:00+00'::timestamptz + n * interval '10 min', 'completed', 3, null, u)
  from generate_series(1, 5) as n cross join unnest(array['a_member', 'a_other']) as u;
end $$;
select is_empty('select * from pg_temp.found', 'whole ones are none');

do $$ begin perform test.session('empty', '2026-03-02 10:00+00', 'completed'); end $$;
select results_eq(
  'select source, severity, since, user_id, stream_id from pg_temp.found',
  $$values ('sessions', 'warning', timestamptz '2026-03-02 10:00+00', null::uuid, null::uuid)$$, 'one of eleven'
);
select results_eq(
  'select evidence from pg_temp.found',
  $$values (jsonb_build_object(
    'finding', 'sessions_without_readings', 'sessions', 11, 'affected', 1, 'percent', 9.1, 'critical_percent', 25,
    'examples', jsonb_build_array(md5('a_memberempty')::uuid)
  ))$$, 'with the numbers'
);
select alike((select suggestion from pg_temp.found), '%completed%', 'and what to do');
do $$ begin perform syncwell.set_setting('health.integrity_critical', '9', p_org_id => test.org('a')); end $$;
select is((select severity from pg_temp.found), 'critical', 'from a share on it is critical');
do $$ begin
  perform test.session('1.A_MEMBER', '2026-03-02 08:10+00');
  perform syncwell.set_setting('health.integrity_critical', null, p_org_id => test.org('a'));
end $$;
select set_eq(
  $$select evidence ->> 'finding' from pg_temp.found$$, array['sessions_without_readings', 'duplicates'], 'one a finding'
);
select set_eq(
  $$select i.cause from syncwell._issues_of(test.org('a'), null, null, null, true) as i where i.issue_type = 'integrity'$$,
  array['sessions sessions_without_readings', 'sessions duplicates'], 'that tells them apart'
);

-- whose
do $$ begin perform test.at('2026-03-03 12:00+00', 'a_member'); perform syncwell.register_stream('sessions'); end $$;
select results_eq(
  $$select evidence ->> 'sessions', user_id, stream_id from pg_temp.found where evidence ->> 'finding' = 'duplicates'$$,
  $$select '7', s.user_id, s.stream_id from syncwell.streams as s where s.source = 'sessions'$$, 'a member is told of its own'
);
do $$ begin perform syncwell.act_as(test.id('a_other')); perform syncwell.register_stream('calls'); end $$;
select is_empty('select * from pg_temp.found', 'which are well');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is(
  (
    select count(*) from syncwell.detect_sync_issues(test.id('a_member')) as i where i.issue_type = 'integrity'
  ), 2::bigint, 'an analyst may ask about one'
);
do $$ begin perform syncwell.act_as(test.id('b_admin')); end $$;
select is_empty('select * from pg_temp.found', 'nobody is told of another org');

-- kept, and resolved once repaired
do $$ begin perform test.at('2026-03-03 12:00+00', 'a_admin'); perform syncwell._evaluate_org(test.org('a')); end $$;
select results_eq(
  $$select source, severity, evidence ->> 'finding', state from syncwell.sync_issues where issue_type = 'integrity' order by 3$$,
  $$values ('sessions', 'warning', 'duplicates', 'open'), ('sessions', 'warning', 'sessions_without_readings', 'open')$$,
  'an issue that is kept'
);
do $$ begin
  perform syncwell.merge_duplicate_sessions(false);
  update syncwell.sync_sessions set expected = '{"reading": 0}' where local_id = 'empty';
  perform test.at('2026-03-03 12:05+00', 'a_admin'); perform syncwell._evaluate_org(test.org('a'));
  perform test.at('2026-03-03 12:10+00', 'a_admin'); perform syncwell._evaluate_org(test.org('a'));
end $$;
select results_eq(
  $$select distinct state from syncwell.sync_issues where issue_type = 'integrity'$$, $$values ('resolved')$$, 'until it is repaired'
);
do $$ begin perform test.at('2026-03-20 12:00+00', 'a_admin'); perform test.session('old', '2026-03-02 10:00+00', 'completed'); end $$;
select is_empty('select * from pg_temp.found', 'what is older than a week is no news');

select * from finish();
rollback;
