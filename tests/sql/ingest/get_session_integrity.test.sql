-- Sessions that are not whole: five findings, each 0 where all is well.
begin;
select plan(26);

do $$ begin
  perform syncwell.bind_login(session_user, 'gateway');
  perform test.at('2026-03-03 12:00+00', 'a_analyst');
end $$;
create function pg_temp.found(p_finding text)
returns text
language sql
as $$ select format('%s of %s', affected, sessions) from syncwell.get_session_integrity() where finding = p_finding $$;
select results_eq(
  'select * from syncwell.get_session_integrity()',
  $$values
    ('sessions_without_readings', 0::bigint, 0::bigint, null::numeric, array[]::uuid[]),
    ('late_surveys', 0, 0, null, array[]::uuid[]), ('orphans', 0, 0, null, array[]::uuid[]),
    ('duplicates', 0, 0, null, array[]::uuid[]), ('incomplete', 0, 0, null, array[]::uuid[])$$,
  'no sessions, nothing wrong'
);

do $$ begin
  perform test.session('whole', '2026-03-02 08:00+00', 'completed', 5), test.session('running', '2026-03-03 11:59+00');
  perform test.session_record(md5('a_memberwhole')::uuid, 'a_member', 'survey_pre', '2026-03-02 08:00+00');
  perform test.count_session(md5('a_memberwhole')::uuid);
  update syncwell.sync_sessions set expected = '{"reading": 5, "survey_pre": 1}' where local_id = 'whole';
  update syncwell.sync_sessions set expected = '{"reading": 100}' where local_id = 'running';
end $$;
select results_eq(
  'select finding, sessions, affected, percent from syncwell.get_session_integrity()',
  $$values
    ('sessions_without_readings', 1::bigint, 0::bigint, 0.0), ('late_surveys', 1, 0, 0.0), ('orphans', 2, 0, 0.0),
    ('duplicates', 2, 0, 0.0), ('incomplete', 2, 0, 0.0)$$, 'healthy sessions, nothing wrong'
);

-- without readings
do $$ begin perform test.session('empty', '2026-03-02 10:00+00', 'completed'); end $$;
select results_eq(
  $$select sessions, affected, percent, examples from syncwell.get_session_integrity() where finding = 'sessions_without_readings'$$,
  $$values (2::bigint, 1::bigint, 50.0, array[md5('a_memberempty')::uuid])$$, 'completed, and no reading came'
);
do $$ begin update syncwell.sync_sessions set last_sync_at = '2026-03-03 11:01+00' where local_id = 'empty'; end $$;
select is(pg_temp.found('sessions_without_readings'), '0 of 2', 'they may follow for an hour');
do $$ begin update syncwell.sync_sessions set last_sync_at = '2026-03-03 10:59+00' where local_id = 'empty'; end $$;
select is(pg_temp.found('sessions_without_readings'), '1 of 2', 'not for longer');
do $$ begin update syncwell.sync_sessions set expected = '{"reading": 0}' where local_id = 'empty'; end $$;
select is(pg_temp.found('sessions_without_readings'), '0 of 2', 'there are none');
do $$ begin update syncwell.sync_sessions set expected = null, data_source = 'mock' where local_id = 'empty'; end $$;
select is(pg_temp.found('sessions_without_readings'), '0 of 1', 'it is made up');

-- late
do $$ begin update syncwell.session_counts set late_records = 1 where kind = 'reading'; end $$;
select is(pg_temp.found('late_surveys'), '0 of 1', 'a late reading is no survey');
do $$ begin update syncwell.session_counts set late_records = 1 where kind = 'survey_pre'; end $$;
select is(pg_temp.found('late_surveys'), '1 of 1', 'a late survey is');

-- orphans
do $$ begin
  perform test.session_record(md5('orphan')::uuid, 'a_member', 'survey_pre', '2026-03-03 11:30+00');
  perform test.session_record(md5('orphan')::uuid, 'a_member', 'survey_post', '2026-03-03 11:30+00');
  perform test.count_session(md5('orphan')::uuid);
end $$;
select is(pg_temp.found('orphans'), '0 of 2', 'their session may follow for an hour');
do $$ begin perform test.at('2026-03-03 13:00+00'); end $$;
select results_eq(
  $$select sessions, affected, percent, examples from syncwell.get_session_integrity() where finding = 'orphans'$$,
  $$values (3::bigint, 1::bigint, 33.3, array[md5('orphan')::uuid])$$, 'not for longer'
);
do $$ begin update syncwell.session_counts set mock_records = records where session_id = md5('orphan')::uuid; end $$;
select is(pg_temp.found('orphans'), '0 of 2', 'made-up ones do not count');
do $$ begin
  update syncwell.session_counts set mock_records = 0 where session_id = md5('orphan')::uuid;
  perform syncwell.set_setting('ingest.orphan_after', '2 hours', p_org_id => test.org('a'));
end $$;
select is(pg_temp.found('orphans'), '0 of 2', 'for how long is a setting');
do $$ begin perform syncwell.set_setting('ingest.orphan_after', null, p_org_id => test.org('a')); end $$;

-- duplicates
do $$ begin perform test.session('Whole', '2026-03-02 08:00+00', 'active'); end $$;
select results_eq(
  $$select sessions, affected, percent, examples from syncwell.get_session_integrity() where finding = 'duplicates'$$,
  $$values (3::bigint, 1::bigint, 33.3, array[md5('a_memberWhole')::uuid])$$, 'the one that would go'
);

-- incomplete
do $$ begin update syncwell.sync_sessions set expected = '{"reading": 6}' where local_id = 'whole'; end $$;
select results_eq(
  $$select sessions, affected, percent, examples from syncwell.get_session_integrity() where finding = 'incomplete'$$,
  $$values (2::bigint, 1::bigint, 50.0, array[md5('a_memberwhole')::uuid])$$, 'completed, and one of six is missing'
);
do $$ begin update syncwell.sync_sessions set updated_at = '2026-03-03 12:30+00' where local_id = 'whole'; end $$;
select is(pg_temp.found('incomplete'), '0 of 2', 'it may follow for an hour');
do $$ begin perform test.at('2026-03-04 12:00+00'); end $$;
select is(pg_temp.found('incomplete'), '2 of 2', 'the one that runs is given up after a day');

-- of whom, and since when
select is(
  (select sum(sessions) from syncwell.get_session_integrity(test.id('a_other'))), 0::numeric, 'another user has none'
);
select is(
  (select sum(affected) from syncwell.get_session_integrity(test.id('a_member'))), 5::numeric, 'this one has'
);
select is((select sum(sessions) from syncwell.get_session_integrity(p_days => 2)), 4::numeric, 'of two days');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select is((select sum(sessions) from syncwell.get_session_integrity()), 0::numeric, 'members see their own');
select throws_ok(
  format('select syncwell.get_session_integrity(%L)', test.id('a_member')), 'SW002', null, 'and nobody else''s'
);
do $$ begin perform syncwell.act_as(test.id('b_admin')); end $$;
select is((select sum(sessions) from syncwell.get_session_integrity()), 0::numeric, 'nor another org');
select throws_ok('select syncwell.get_session_integrity(p_days => 0)', '22023', null, 'no days');
select throws_ok('select syncwell.get_session_integrity(p_days => 3661)', '22023', null, 'too many');
select throws_ok('select syncwell.get_session_integrity(p_days => null)', '22004', null, 'unknown ones');

select * from finish();
rollback;
