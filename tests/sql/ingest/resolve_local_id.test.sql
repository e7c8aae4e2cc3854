begin;
select plan(17);
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  perform set_config('syncwell.fake_now', '2026-03-01 12:00+00', true);
end $$;
create temp table one as select * from syncwell.resolve_local_id('session', 'IHHT_1736300000_ab12', 'phone');
select is((select created from one), true, 'a name heard of first is made');
select results_eq(
  $$select server_id, created from syncwell.resolve_local_id('session', 'IHHT_1736300000_ab12', 'tablet')$$,
  $$select server_id, false from one$$, 'and stands for one thing for ever, whichever device asks');
select is((select device_id from syncwell.local_ids), 'phone', 'the device that named it first is kept');
select isnt((select server_id from syncwell.resolve_local_id('reading', 'IHHT_1736300000_ab12')), (select server_id from one), 'of each kind apart');
select isnt((select server_id from syncwell.resolve_local_id('session', 'ihht_1736300000_ab12')), (select server_id from one), 'case tells names apart');
select is((select created from syncwell.resolve_local_id('session', U&'Zug \+01F682 "x"; drop table y')), true, 'any text is a name');
select throws_ok($$select syncwell.resolve_local_id('session', '')$$, '22023');
select throws_ok($$select syncwell.resolve_local_id('session', null)$$, '22004');
select throws_ok($$select syncwell.resolve_local_id(null, 'x')$$, '22004');
select throws_ok($$select syncwell.resolve_local_id('session', repeat('x', 201))$$, '22001');
select throws_ok($$select syncwell.resolve_local_id('session', 'x', p_user_id => test.id('a_other'))$$, 'SW002');
do $$ begin perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_other')); end $$;
select isnt((select server_id from syncwell.resolve_local_id('session', 'IHHT_1736300000_ab12')), (select server_id from one), 'users do not share names');
select throws_ok(format($$select syncwell._session_of(test.org('a'), test.id('a_other'), %L, false)$$, (select server_id from one)), 'SW501', null, 'nor ids');
select isnt(syncwell._session_of(test.org('a'), test.id('a_other'), (select server_id::text from one), true), (select server_id from one), 'what is another''s id is a name like any other');
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('a')); end $$;
select throws_ok($$select syncwell.resolve_local_id('session', 'x')$$, '22004', null, 'a service says whose');
select is((select server_id from syncwell.resolve_local_id('session', 'IHHT_1736300000_ab12', p_user_id => test.id('a_member'))), (select server_id from one), 'and then asks like the user');
select set_eq(
  $$select s.session, s.session_id from one, syncwell._sessions_of(test.org('a'), test.id('a_member'), array['IHHT_1736300000_ab12', one.server_id::text, upper(one.server_id::text), 'unheard of', null], false, null) as s$$,
  $$select n.name, one.server_id from one, unnest(array['IHHT_1736300000_ab12', one.server_id::text, upper(one.server_id::text)]) as n (name)$$,
  'sessions are found by their id here or their name');
select * from finish();
rollback;
