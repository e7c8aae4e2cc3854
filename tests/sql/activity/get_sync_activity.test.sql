begin;
select plan(38);
-- one entry a minute from 12:01 on; the last three at the same moment
create temp table made as
select
  n, gen_random_uuid() as id, '2026-03-10 12:00+00'::timestamptz + least(n, 10) * interval '1 min' as at,
  (array['scheduled_run', 'sync_complete', 'batch_process'])[1 + n % 3] as action, (array['completed', 'failed'])[1 + n % 2] as status,
  case when n % 4 = 0 then 'order' end as entity_type, 's' || n / 4 as sync_id,
  (array[null, test.id('a_member'), test.id('a_other')])[1 + n % 3] as user_id
from generate_series(1, 12) as n;
grant all on made to public;
insert into syncwell.sync_activity_log (org_id, id, created_at, action, status, entity_type, sync_id, user_id, error_message)
select test.org('a'), id, at, action, status, entity_type, sync_id, user_id, 'text ' || n from made;
insert into syncwell.sync_activity_log (org_id, created_at, action, status, entity_type, sync_id, user_id)
select test.org('b'), '2026-03-10 12:05+00', 'sync_complete', 'failed', 'order', 's1', test.id('b_member');
-- what a call returned, as numbers of entries in its order
create function pg_temp.asked(p_call text) returns integer[] language plpgsql as $$
declare v_found integer[];
begin
  execute format('select coalesce(array_agg(m.n order by g.place), ''{}'') from (select *, row_number() over () as place from syncwell.get_sync_activity(%s)) as g left join made as m using (id)', p_call) into v_found;
  return v_found;
end $$;
create function pg_temp.wanted(p_where text) returns integer[] language plpgsql as $$
declare v_found integer[];
begin
  execute format('select coalesce(array_agg(n order by at desc, id desc), ''{}'') from made where %s', p_where) into v_found;
  return v_found;
end $$;

set session authorization a_analyst;
select is(pg_temp.asked(''), pg_temp.wanted('true'), 'everything of the org, newest first, nothing of the other');
select is(pg_temp.asked(format('p_user_id => %L', test.id('a_other'))), pg_temp.wanted('n % 3 = 2'), 'by user');
select is(pg_temp.asked($$p_entity_type => 'order'$$), pg_temp.wanted('n % 4 = 0'), 'by entity type');
select is(pg_temp.asked($$p_action => 'sync_complete'$$), pg_temp.wanted('n % 3 = 1'), 'by action');
select is(pg_temp.asked($$p_status => 'failed'$$), pg_temp.wanted('n % 2 = 1'), 'by status');
select is(pg_temp.asked($$p_sync_id => 's1'$$), pg_temp.wanted('n / 4 = 1'), 'by sync, though the other org has one of that name');
select is(pg_temp.asked($$p_from => '2026-03-10 12:03+00'$$), pg_temp.wanted('n >= 3'), 'from, that moment included');
select is(pg_temp.asked($$p_to => '2026-03-10 12:03+00'$$), pg_temp.wanted('n < 3'), 'to, that moment not');
select is(pg_temp.asked($$p_from => '2026-03-10 12:03+00', p_to => '2026-03-10 12:10+00', p_status => 'failed'$$), pg_temp.wanted('n in (3, 5, 7, 9)'), 'a range and a filter');
select is(pg_temp.asked($$p_action => 'sync_complete', p_status => 'failed', p_sync_id => 's1'$$), pg_temp.wanted('n = 7'), 'filters together');
select is(pg_temp.asked($$p_from => '-infinity', p_to => 'infinity', p_action => 'sync_complete'$$), pg_temp.wanted('n % 3 = 1'), 'infinite bounds');
select is(pg_temp.asked($$p_from => '4713-01-01 00:00+00 BC', p_to => '294276-01-01', p_status => 'failed'$$), pg_temp.wanted('n % 2 = 1'), 'and those at the end of time');
select is(pg_temp.asked($$p_action => 'nothing'$$), '{}', 'an action that is not there');
select is(pg_temp.asked($$p_entity_type => 'nothing'$$), '{}', 'an entity type that is not there');
select is(pg_temp.asked($$p_from => '2026-03-10 12:03+00', p_to => '2026-03-10 12:03+00'$$), '{}', 'an empty range');
select is(pg_temp.asked($$p_limit => 3$$), (pg_temp.wanted('true'))[1:3], 'a limit at the end of one moment');
select is(pg_temp.asked($$p_limit => 2$$), (pg_temp.wanted('true'))[1:2], 'and within it');
select is(pg_temp.asked($$p_limit => 2, p_status => 'completed'$$), (pg_temp.wanted('n % 2 = 0'))[1:2], 'filters apply before the limit');

-- pages of every size give all entries once, in order, with and without a filter, also through a moment with several
create function pg_temp.paged(p_filter text, p_limit integer) returns integer[] language plpgsql as $$
declare
  v_all integer[] := '{}';
  v_page integer[];
  v_token text;
begin
  for i in 1..20 loop
    execute format('select coalesce(array_agg(m.n order by g.place), ''{}''), (array_agg(g.page_token order by g.place desc))[1]
      from (select *, row_number() over () as place from syncwell.get_sync_activity(%s p_limit => %s, p_page_token => %L)) as g join made as m using (id)', p_filter, p_limit, v_token)
    into v_page, v_token;
    exit when v_page = '{}';
    v_all := v_all || v_page;
  end loop;
  return v_all;
end $$;
select is(pg_temp.paged('', l), pg_temp.wanted('true'), format('pages of %s', l)) from unnest('{1,2,5}'::integer[]) as l;
select is(pg_temp.paged($$p_status => 'completed',$$, 1), pg_temp.wanted('n % 2 = 0'), 'pages of one status');
select is(pg_temp.paged($$p_entity_type => 'order', p_from => '2026-03-10 12:05+00', p_to => '2026-03-11',$$, 1), pg_temp.wanted('n in (8, 12)'), 'pages of a range');
select is(pg_temp.paged($$p_sync_id => 's2',$$, 3), pg_temp.wanted('n / 4 = 2'), 'pages of a sync');
reset session authorization;

-- another org's token is a place in time and nothing else
create temp table token as select g.page_token from (select syncwell.bind_login(session_user, 'service', test.org('b'), null)) as b, syncwell.get_sync_activity() as g;
grant all on token to public;
set session authorization a_analyst;
select is(pg_temp.asked(format('p_page_token => %L', (select page_token from token))), pg_temp.wanted($$(at, id) < ('2026-03-10 12:05+00', (select split_part(page_token, '_', 2)::uuid from token))$$), 'another org''s token shows nothing of it');
select throws_ok(format('select * from syncwell.get_sync_activity(p_page_token => %L)', t), '22023', 'this is no page token', 'no token: ' || left(t, 20))
from unnest(array['', 'x', '2026-02-31T12:00:00.000000Z_' || gen_random_uuid(), '2026-03-10T12:00:00.000000Z', '2026-03-10T12:00:00.000000Z_1', repeat('x', 10000)]) as t;

select throws_ok($$select * from syncwell.get_sync_activity(p_from => '2026-03-11', p_to => '2026-03-10')$$, '22023', 'the range is the wrong way round', 'a range the wrong way round');
select throws_ok($$select * from syncwell.get_sync_activity(p_status => 'success')$$, '22023', 'unknown status', 'no status');
select throws_ok($$select * from syncwell.get_sync_activity(p_limit => 1001)$$, '22023', 'limit out of range', 'too many');
select throws_ok(format('select * from syncwell.get_sync_activity(%L)', test.id('b_member')), 'SW002', 'unknown user', 'another org''s user');
reset session authorization;

-- texts of errors
select results_eq($$select shown from (select array_agg(m.n order by m.n) filter (where g.error_message = 'text ' || m.n) as shown from (select syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'))) as b, syncwell.get_sync_activity() as g join made as m using (id)) as s$$,
  $$values (array[1, 3, 4, 6, 7, 9, 10, 12])$$, 'a member reads the texts of its own entries and the org''s');
do $$ begin perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_analyst')); end $$;
select is((select count(error_message) from syncwell.get_sync_activity()), 12::bigint, 'an analyst all');
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
select is((select count(error_message) from syncwell.get_sync_activity()), 4::bigint, 'without consent the org''s only, though they were stored');
select * from finish();
rollback;
