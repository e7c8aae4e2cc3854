-- What is one session under two ids, and what only looks like it.
begin;
select plan(27);

create function pg_temp.make(
  p_name text, p_after interval, p_status text default 'active', p_readings integer default 0,
  p_data_source text default null, p_user text default 'a_member', p_first interval default null,
  p_more integer default 0
)
returns uuid
language sql
begin atomic
  select test.session(
    p_name, '2026-03-02 08:00+00'::timestamptz + p_after, p_status, p_readings, p_data_source, p_user,
    '2026-03-02 08:00+00'::timestamptz + p_first, p_more
  );
end;
create function pg_temp.forget()
returns void
language sql
as $$
  delete from syncwell.sync_sessions;
  delete from syncwell.session_records;
  delete from syncwell.session_counts;
  delete from syncwell.local_ids;
$$;
create view pg_temp.found as
select coalesce(k.local_id, '?') as kept, coalesce(r.local_id, '?') as removed, d.reason, d.user_id, d.evidence
from syncwell.find_duplicate_sessions() as d
left join syncwell.sync_sessions as k on k.session_id = d.kept_id
left join syncwell.sync_sessions as r on r.session_id = d.removed_id;
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway');
  perform test.at('2026-03-03 12:00+00', 'a_analyst');
end $$;
select is_empty('select * from pg_temp.found', 'nothing, nothing found');

do $$ begin
  -- names
  perform pg_temp.make('IHHT_1_ab', '0', 'active', 5);
  perform pg_temp.make('ihht-1-AB', '1 min', 'completed');
  -- the same start
  perform pg_temp.make('b1', '1 h', 'active', 5);
  perform pg_temp.make('b2', '1 h 40 s', 'completed');
  -- the same readings
  perform pg_temp.make('c1', '2 h', 'completed', 20);
  perform pg_temp.make('c2', '2 h 30 s', 'completed', 12, null, 'a_member', '2 h');
end $$;
select results_eq(
  'select kept, removed, reason from pg_temp.found order by kept',
  $$values ('IHHT_1_ab', 'ihht-1-AB', 'same_local_id'), ('b1', 'b2', 'same_start'), ('c1', 'c2', 'same_records')$$,
  'what has the readings, or more of them, is kept'
);
select results_eq(
  $$select evidence from pg_temp.found where kept = 'c1'$$,
  $$values ('{
    "seconds_apart": 30.000, "compared_readings": 12, "equal_readings": 12,
    "kept": {"local_id": "c1", "status": "completed", "readings": 20, "records": 20},
    "removed": {"local_id": "c2", "status": "completed", "readings": 12, "records": 12}
  }'::jsonb)$$, 'with what says so'
);
select is((select count(*) from syncwell.find_duplicate_sessions(p_limit => 2)), 2::bigint, 'a limit');

do $$ begin
  perform pg_temp.forget();
  -- the same name, other readings
  perform pg_temp.make('d_1', '0', 'active', 5);
  perform pg_temp.make('D-1', '1 min', 'completed', 5, null, 'a_member', '0', 5);
  -- the same name, long after
  perform pg_temp.make('e_1', '1 h', 'active', 5);
  perform pg_temp.make('E-1', '1 h 3 min', 'completed');
  -- given up and started anew
  perform pg_temp.make('f1', '2 h', 'active');
  perform pg_temp.make('f2', '2 h 1 min', 'completed', 5);
  -- two exercises, one after the other
  perform pg_temp.make('g1', '3 h', 'completed', 5);
  perform pg_temp.make('g2', '3 h 1 min', 'active', 5);
  -- half of them is not there
  perform pg_temp.make('h1', '4 h', 'active', 9, null, 'a_member', '4 h');
  perform pg_temp.make('h2', '4 h 30 s', 'active', 3, null, 'a_member', '4 h', 5);
  -- made up
  perform pg_temp.make('i_1', '5 h', 'active', 5, 'mock');
  perform pg_temp.make('I-1', '5 h', 'completed', 0, 'bluetooth');
  -- somebody else's
  perform pg_temp.make('j_1', '6 h', 'active', 5);
  perform pg_temp.make('J-1', '6 h', 'completed', 0, null, 'a_other');
end $$;
select is_empty('select * from pg_temp.found', 'none of these is one');
do $$ begin update syncwell.sync_sessions set data_source = 'bluetooth' where local_id in ('i_1', 'I-1'); end $$;
select results_eq('select kept, removed from pg_temp.found', $$values ('i_1', 'I-1')$$, 'true ones are');
do $$ begin update syncwell.sync_sessions set data_source = null where local_id = 'I-1'; end $$;
select is((select count(*) from pg_temp.found), 1::bigint, 'also where one does not say');
do $$ begin update syncwell.sync_sessions set data_source = 'mock' where local_id in ('i_1', 'I-1'); end $$;
select is((select count(*) from pg_temp.found), 1::bigint, 'made-up ones are one with such');
do $$ begin perform syncwell.set_setting('ingest.duplicate_within', '5 minutes', p_org_id => test.org('a')); end $$;
select is((select count(*) from pg_temp.found where kept = 'e_1'), 1::bigint, 'how far they may start apart is a setting');
do $$ begin perform syncwell.set_setting('ingest.duplicate_within', null, p_org_id => test.org('a')); end $$;
-- equal times alone do not make h2 the same; half of the values do
do $$ begin
  update syncwell.session_records set spo2 = spo2 - 5
  where session_id = md5('a_memberh2')::uuid and occurred_at <= '2026-03-02 12:00:20+00';
end $$;
select results_eq(
  $$select kept, removed, reason from pg_temp.found where kept like 'h%'$$, $$values ('h1', 'h2', 'same_records')$$,
  'half of what they have at the same time is equal'
);

do $$ begin
  perform pg_temp.forget();
  -- three of one: the nearest first
  perform pg_temp.make('k1', '0', 'active', 5);
  perform pg_temp.make('k2', '10 s', 'completed');
  perform pg_temp.make('k3', '5 s', 'completed');
  -- began within a second, with nothing in either
  perform pg_temp.make('l1', '1 h', 'active');
  perform pg_temp.make('l2', '1 h 1 s', 'active');
end $$;
select results_eq(
  'select kept, removed, reason from pg_temp.found order by kept',
  $$values ('k1', 'k3', 'same_start'), ('l1', 'l2', 'same_start')$$, 'each is in one pair at most'
);

-- records that nobody's session is there for
do $$ begin
  perform pg_temp.forget();
  perform pg_temp.make('IHHT_7_x', '0', 'completed', 5);
  perform pg_temp.make('late', '8 h', 'completed', 5);
  update syncwell.sync_sessions set ended_at = started_at + interval '10 min';
  insert into syncwell.local_ids (org_id, user_id, entity_type, local_id, server_id, created_at)
  select test.org('a'), test.id('a_member'), 'session', n, md5(n)::uuid, '2026-03-02'
  from unnest(array['ihht 7 X', 'unheard of']) as n;
  perform
    test.session_record(md5('ihht 7 X')::uuid, 'a_member', 'survey_pre', '2026-03-02 23:00+00'),
    test.session_record(md5('unheard of')::uuid, 'a_member', 'survey_post', '2026-03-02 16:11+00'),
    test.count_session(md5('ihht 7 X')::uuid), test.count_session(md5('unheard of')::uuid);
end $$;
select results_eq(
  'select kept, removed, reason from pg_temp.found order by kept',
  $$values ('IHHT_7_x', '?', 'same_local_id'), ('late', '?', 'same_time')$$, 'by name, at any time; by time'
);
do $$ begin perform test.at('2026-03-02 17:00+00', 'a_analyst'); end $$;
select is((select count(*) from pg_temp.found where reason = 'same_time'), 0::bigint, 'their session may still come');
do $$ begin
  perform test.at('2026-03-03 12:00+00', 'a_analyst');
  perform pg_temp.make('later', '8 h 5 min', 'completed', 5);
  update syncwell.sync_sessions set ended_at = started_at + interval '10 min' where local_id = 'later';
end $$;
select is((select count(*) from pg_temp.found where reason = 'same_time'), 0::bigint, 'two sessions it may be of: of none');
do $$ begin
  delete from syncwell.sync_sessions where local_id = 'later';
  perform test.session_record(md5('a_memberlate')::uuid, 'a_member', 'survey_post', '2026-03-02 16:09+00'),
    test.count_session(md5('a_memberlate')::uuid);
end $$;
select is((select count(*) from pg_temp.found where reason = 'same_time'), 0::bigint, 'one of a session of which there is one');
do $$ begin
  perform test.session_record(md5('ihht 7 X')::uuid, 'a_member', 'reading', '2026-03-02 08:00:10+00', 50),
    test.count_session(md5('ihht 7 X')::uuid);
end $$;
select is_empty('select * from pg_temp.found', 'readings that differ are of two sessions, whatever they are called');

-- who may see
do $$ begin
  perform pg_temp.forget();
  perform pg_temp.make('m1', '0', 'active', 5);
  perform pg_temp.make('m2', '5 s', 'completed');
  perform pg_temp.make('n1', '0', 'active', 5, null, 'a_other');
  perform pg_temp.make('n2', '5 s', 'completed', 0, null, 'a_other');
end $$;
select is((select count(*) from pg_temp.found), 2::bigint, 'an analyst sees everybody''s');
select results_eq(
  format('select user_id from syncwell.find_duplicate_sessions(%L)', test.id('a_other')),
  format('values (%L::uuid)', test.id('a_other')), 'or one''s'
);
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select results_eq(
  'select distinct user_id from pg_temp.found', format('values (%L::uuid)', test.id('a_member')), 'a member its own'
);
select throws_ok(
  format('select syncwell.find_duplicate_sessions(%L)', test.id('a_other')), 'SW002', null, 'and nobody else''s'
);
do $$ begin perform syncwell.act_as(test.id('b_admin')); end $$;
select is_empty('select * from pg_temp.found', 'nobody of another org');
select throws_ok(
  format('select syncwell.find_duplicate_sessions(%L)', test.id('a_other')), 'SW002', null, 'nor by asking'
);
select throws_ok('select syncwell.find_duplicate_sessions(p_limit => 0)', '22023', null, 'a limit of 0');
select throws_ok('select syncwell.find_duplicate_sessions(p_limit => null)', '22004', null, 'none');

-- names
select is(syncwell._plain_local_id('IHHT_17-a b'), 'ihht17ab', 'a plain name');
select is(syncwell._plain_local_id('--'), '--', 'is never empty');
select isnt(syncwell._plain_local_id('--'), syncwell._plain_local_id('__'), 'nor are these one');

select * from finish();
rollback;
