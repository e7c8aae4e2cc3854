-- One session goes into the other, and comes out again.
begin;
select plan(48);

do $$ begin
  perform syncwell.bind_login(session_user, 'gateway');
  perform test.at('2026-03-03 12:00+00', 'a_admin');
end $$;
create function pg_temp.state()
returns table (t text)
language sql
as $$
  select s::text from syncwell.sync_sessions as s
  union all select s::text from syncwell.session_records as s
  union all select s::text from syncwell.session_counts as s
  union all select s::text from syncwell.local_ids as s
  union all select s::text from syncwell.data_events as s
$$;
create temp table ids as
select
  test.session('IHHT_1', '2026-03-02 08:00+00', 'active', 5) as one,
  test.session('ihht-1', '2026-03-02 08:00:30+00', 'completed') as two;
do $$ begin
  update syncwell.sync_sessions set
    ended_at = '2026-03-02 08:10+00', expected = '{"reading": 5, "survey_pre": 1}', metadata = '{"a": 2, "b": 2}',
    platform = 'ios', device_id = 'tablet', source = 'ihht', sync_attempts = 2, last_sync_at = '2026-03-02 09:00+00',
    sync_status = 'syncing', created_at = '2026-03-02 07:00+00', data_source = 'bluetooth'
  where local_id = 'ihht-1';
  update syncwell.sync_sessions set
    expected = '{"reading": 3, "progression": 0}', metadata = '{"a": 1}', platform = 'android', sync_attempts = 3,
    last_sync_at = '2026-03-02 08:30+00', sync_status = 'syncing', data_source = 'bluetooth'
  where local_id = 'IHHT_1';
  -- in both: the one of the removed session was written later; and the other way round
  perform
    test.session_record(one, 'a_member', 'survey_pre', '2026-03-02 08:00+00', 1, '2026-03-02 08:01+00'),
    test.session_record(two, 'a_member', 'survey_pre', '2026-03-02 08:00+00', 2, '2026-03-02 08:02+00'),
    test.session_record(one, 'a_member', 'survey_inter', '2026-03-02 08:05+00', 3, '2026-03-02 08:07+00'),
    test.session_record(two, 'a_member', 'survey_inter', '2026-03-02 08:05+00', 4, '2026-03-02 08:06+00'),
    test.session_record(two, 'a_member', 'survey_post', '2026-03-02 08:10+00', 5),
    test.count_session(one), test.count_session(two)
  from ids;
  update syncwell.session_counts set late_records = 1, first_received_at = first_received_at - interval '1 second'
  where kind = 'survey_post';
  insert into syncwell.data_events (
    org_id, id, stream_id, user_id, source, external_id, occurred_at, session_id, payload, written_at, received_at
  )
  select
    test.org('a'), md5(n::text)::uuid, md5('stream')::uuid, test.id('a_member'), 'uploads', n::text,
    '2026-03-02 08:00+00', case n when 1 then one when 2 then two end, '{}', '2026-03-02 08:00+00', '2026-03-02 08:00+00'
  from ids cross join generate_series(1, 3) as n;
end $$;
create temp table before as select * from pg_temp.state();

-- a dry run
select results_eq(
  'select merge_id, user_id, kept_id, removed_id, reason, moved from syncwell.merge_duplicate_sessions()',
  $$select null::uuid, test.id('a_member'), one, two, 'same_local_id', 5::bigint from ids$$, 'what would be'
);
select set_eq('select t from pg_temp.state()', 'select t from before', 'and is not');
select is_empty('select * from syncwell.session_merges', 'nor logged');

-- merged
create temp table done as select * from syncwell.merge_duplicate_sessions(false);
select results_eq(
  'select user_id, kept_id, removed_id, reason, moved from done',
  $$select test.id('a_member'), one, two, 'same_local_id', 5::bigint from ids$$, 'three records, a name, an event'
);
select results_eq(
  'select session_id, local_id, status, sync_status, sync_attempts, last_sync_at, source from syncwell.sync_sessions',
  $$select one, 'IHHT_1', 'completed', 'completed', 5, timestamptz '2026-03-02 09:00+00', 'ihht' from ids$$,
  'one session, which has all that was expected'
);
select results_eq(
  $$select started_at, ended_at, created_at, updated_at, platform, device_id, data_source from syncwell.sync_sessions$$,
  $$values (
    timestamptz '2026-03-02 08:00+00', timestamptz '2026-03-02 08:10+00', timestamptz '2026-03-02 07:00+00',
    timestamptz '2026-03-03 12:00+00', 'android', 'tablet', 'bluetooth'
  )$$, 'from the first start to the last end'
);
select results_eq(
  'select expected, metadata from syncwell.sync_sessions',
  $$values ('{"reading": 5, "survey_pre": 1, "progression": 0}'::jsonb, '{"a": 1, "b": 2}'::jsonb)$$, 'with what either was told'
);
select results_eq(
  'select session_id, kind, spo2 from syncwell.session_records where kind <> ''reading'' order by spo2',
  $$select one, k, v from ids cross join (
    values ('survey_pre', 2::double precision), ('survey_inter', 3), ('survey_post', 5)
  ) as x (k, v)$$, 'of two the one written later'
);
select is_empty(
  'select * from syncwell.session_records where id <> syncwell._record_id(session_id, kind, occurred_at)',
  'under the ids that a resend gives them'
);
select results_eq(
  'select kind, records, late_records, spo2_sum, first_received_at from syncwell.session_counts where session_id = (select one from ids) order by kind',
  $$values
    ('reading', 5::bigint, 0::bigint, 460::numeric, timestamptz '2026-03-02 08:00:10+00'),
    ('survey_inter', 1, 0, 3, '2026-03-02 08:06+00'), ('survey_post', 1, 1, 5, '2026-03-02 08:09:59+00'),
    ('survey_pre', 1, 0, 2, '2026-03-02 08:01+00')$$, 'counted'
);
select is_empty('select * from syncwell.session_counts where session_id = (select two from ids)', 'nothing is left of the other');
select results_eq(
  'select distinct server_id from syncwell.local_ids', 'select one from ids', 'its name is one of the first''s'
);
select results_eq(
  'select external_id, session_id from syncwell.data_events order by 1',
  $$select n, case n when '3' then null else one end from ids cross join unnest(array['1', '2', '3']) as n$$, 'events go along'
);
select is(
  syncwell._session_of(test.org('a'), test.id('a_member'), (select two::text from ids), false), (select one from ids),
  'what comes for the removed one goes to the kept one'
);
select is(
  syncwell._session_of(test.org('a'), test.id('a_member'), 'ihht-1', false), (select one from ids), 'by its name too'
);
select results_eq(
  'select table_name, count(*) from syncwell.session_merge_moves group by 1 order by 1',
  $$values ('data_events', 1::bigint), ('local_ids', 1), ('session_counts', 6), ('session_records', 3)$$, 'each move is logged'
);
select results_eq(
  'select merge_id, kept_id, removed_id, reason, moved, merged_at, reverted_at from syncwell.get_session_merges()',
  $$select merge_id, kept_id, removed_id, reason, moved, timestamptz '2026-03-03 12:00+00', null::timestamptz from done$$, 'and the merge'
);
select is_empty('select * from syncwell.merge_duplicate_sessions(false)', 'that was all');

-- reverted
do $$ begin perform test.at('2026-03-03 13:00+00', 'a_admin'); end $$;
select is(syncwell.revert_session_merge((select merge_id from done)), 5::bigint, 'as many go back');
select set_eq('select t from pg_temp.state()', 'select t from before', 'and everything is as it was');
select results_eq(
  'select reverted_at from syncwell.get_session_merges()', $$values (timestamptz '2026-03-03 13:00+00')$$, 'which is known'
);
select throws_ok(
  format('select syncwell.revert_session_merge(%L)', (select merge_id from done)), 'SW504', null, 'it is reverted once'
);
select is_empty('select * from syncwell.find_duplicate_sessions()', 'they are two, somebody has said');
select is_empty('select * from syncwell.merge_duplicate_sessions(false)', 'and stay so');
select is((select count(*) from syncwell.find_duplicate_sessions(p_again => true)), 1::bigint, 'unless asked for');

-- merged again, and meanwhile something comes
truncate done;
insert into done select * from syncwell.merge_duplicate_sessions(false, p_again => true);
do $$ begin
  perform test.at('2026-03-03 14:00+00', 'a_admin');
  -- a survey that was moved, one that was in both and one that is new; the session is told of
  update syncwell.session_records set spo2 = 7, written_at = syncwell._now(), received_at = syncwell._now()
  where kind = 'survey_post';
  update syncwell.session_records set spo2 = 8, written_at = syncwell._now(), received_at = syncwell._now()
  where kind = 'survey_pre';
  perform test.session_record(one, 'a_member', 'survey_post', '2026-03-02 08:30+00', 9, '2026-03-03 14:00+00') from ids;
  update syncwell.session_counts as c set
    records = r.records, last_at = r.last_at, last_received_at = r.last_received_at, spo2_sum = r.spo2, spo2_max = r.spo2_max
  from (
    select kind, count(*) as records, max(occurred_at) as last_at, max(received_at) as last_received_at,
      sum(spo2::numeric) as spo2, max(spo2) as spo2_max
    from syncwell.session_records where kind in ('survey_pre', 'survey_post') group by kind
  ) as r
  where c.kind = r.kind;
  update syncwell.sync_sessions set
    metadata = metadata || '{"c": 3}', last_sync_at = syncwell._now(), updated_at = syncwell._now();
end $$;
select is(syncwell.revert_session_merge((select merge_id from done)), 5::bigint, 'all of it goes back');
select results_eq(
  $$select session_id = one, kind, spo2 from syncwell.session_records cross join ids where kind <> 'reading' order by 1, 2, 3$$,
  $$values
    (false, 'survey_inter', 4::double precision), (false, 'survey_post', 7), (false, 'survey_pre', 2),
    (true, 'survey_inter', 3), (true, 'survey_post', 9), (true, 'survey_pre', 8)$$, 'what came since stays'
);
select results_eq(
  $$select session_id = one, kind, records, late_records, spo2_sum, last_received_at
    from syncwell.session_counts cross join ids where kind <> 'reading' order by 1, 2$$,
  $$values
    (false, 'survey_inter', 1::bigint, 0::bigint, 4::numeric, timestamptz '2026-03-02 08:06+00'),
    (false, 'survey_post', 1, 1, 7, '2026-03-03 14:00+00'), (false, 'survey_pre', 1, 0, 2, '2026-03-02 08:02+00'),
    (true, 'survey_inter', 1, 0, 3, '2026-03-02 08:07+00'), (true, 'survey_post', 1, 0, 9, '2026-03-03 14:00+00'),
    (true, 'survey_pre', 1, 0, 8, '2026-03-03 14:00+00')$$, 'and is counted'
);
select results_eq(
  'select local_id, started_at, ended_at, expected, metadata, last_sync_at from syncwell.sync_sessions order by started_at',
  $$values
    ('IHHT_1', timestamptz '2026-03-02 08:00+00', null::timestamptz, '{"reading": 3, "progression": 0}'::jsonb,
      '{"a": 1, "b": 2, "c": 3}'::jsonb, timestamptz '2026-03-03 14:00+00'),
    ('ihht-1', '2026-03-02 08:00:30+00', '2026-03-02 08:10+00', '{"reading": 5, "survey_pre": 1}', '{"a": 2, "b": 2}',
      '2026-03-02 09:00+00')$$, 'of the session too'
);

-- three of one, and one after the other back
do $$ begin
  delete from syncwell.session_merges; delete from syncwell.sync_sessions; delete from syncwell.session_records;
  delete from syncwell.session_counts; delete from syncwell.local_ids; delete from syncwell.data_events;
  perform test.session('x1', '2026-03-02 08:00+00', 'active', 5), test.session('X-1', '2026-03-02 08:00:10+00', 'active'),
    test.session('x 1', '2026-03-02 08:00:20+00', 'completed');
end $$;
truncate before;
insert into before select * from pg_temp.state();
select results_eq(
  'select kept_id from syncwell.merge_duplicate_sessions(false, p_limit => 1)', $$values (md5('a_memberx1')::uuid)$$, 'no more than a limit'
);
select is((select count(*) from syncwell.merge_duplicate_sessions(false)), 1::bigint, 'then the rest');
select is((select count(distinct merge_id) from syncwell.get_session_merges()), 2::bigint, 'two merges');
select throws_ok(
  $$select syncwell.revert_session_merge(merge_id) from syncwell.get_session_merges() order by merged_at limit 1$$,
  'SW505', null, 'the first is not reverted before the second'
);
select lives_ok(
  $$select syncwell.revert_session_merge(m.merge_id) from (select merge_id from syncwell.get_session_merges()) as m$$,
  'the last first'
);
select set_eq('select t from pg_temp.state()', 'select t from before', 'all is as it was');

-- merged on: what was kept goes into another
do $$ begin
  delete from syncwell.session_merges; delete from syncwell.sync_sessions; delete from syncwell.session_records;
  delete from syncwell.session_counts; delete from syncwell.local_ids;
  perform test.session('y1', '2026-03-02 08:00+00', 'active', 5), test.session('Y-1', '2026-03-02 08:00:10+00', 'completed');
  perform syncwell.merge_duplicate_sessions(false);
  perform test.session('y 1', '2026-03-02 08:00:20+00', 'active', 9, null, 'a_member', '2026-03-02 08:00+00');
  perform syncwell.merge_duplicate_sessions(false);
end $$;
select is(
  syncwell._session_of(test.org('a'), test.id('a_member'), 'Y-1', false), md5('a_membery 1')::uuid, 'found two steps away'
);
select throws_ok(
  $$select syncwell.revert_session_merge(merge_id) from syncwell.get_session_merges() order by merged_at limit 1$$,
  'SW505', null, 'nor is the first of these'
);

-- who may
select throws_ok('select syncwell.revert_session_merge(null)', '22004', null, 'no merge');
select throws_ok('select syncwell.merge_duplicate_sessions(null)', '22004', null, 'neither dry nor not');
select throws_ok('select syncwell.merge_duplicate_sessions(p_limit => 1001)', '22023', null, 'a limit of 1001');
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select throws_ok('select syncwell.merge_duplicate_sessions()', '42501', null, 'no member');
select is((select count(*) from syncwell.get_session_merges()), 2::bigint, 'who sees what was merged of its own');
do $$ begin perform syncwell.act_as(test.id('b_admin')); end $$;
select throws_ok(
  format('select syncwell.revert_session_merge(%L)', (select min(merge_id::text) from syncwell.session_merges)),
  'SW504', null, 'nobody of another org'
);
select throws_ok(
  format('select syncwell.merge_duplicate_sessions(true, %L)', test.id('a_member')), 'SW002', null, 'nor its users'
);
select is_empty('select * from syncwell.get_session_merges()', 'or sees them');
do $$ begin
  perform syncwell.unbind_login(session_user);
  perform test.session('z1', '2026-03-02 10:00+00', 'active', 5), test.session('Z-1', '2026-03-02 10:00:10+00', 'completed');
end $$;
set session authorization operator;
select is((select count(*) from syncwell.merge_duplicate_sessions()), 1::bigint, 'an operator may in all');
select is(
  (select count(*) from syncwell.merge_duplicate_sessions(p_user_id => test.id('a_other'))), 0::bigint, 'or of one user'
);
set session authorization nobody_login;
select throws_ok('select syncwell.merge_duplicate_sessions()', 'SW001', null, 'nobody may not');

select * from finish();
rollback;
