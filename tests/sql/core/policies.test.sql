begin;
select plan(16);

insert into syncwell.streams (org_id, user_id, source) values
(test.org('a'), test.id('a_member'), 'calls'),
(test.org('a'), test.id('a_other'), 'calls'),
(test.org('a'), null, 'todoist'),
(test.org('b'), test.id('b_member'), 'calls');
select syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a'));
select syncwell.set_setting('consent_required', 'on', p_org_id => test.org('b'), p_source => 'calls');
select syncwell.set_setting('consent_required', 'off', p_source => 'sms');

set session authorization a_member;
select bag_eq('select source, user_id from syncwell.streams',
  format('values (''calls'', %L::uuid), (''todoist'', null)', test.id('a_member')), 'a member sees its own streams and the org''s');
select bag_eq('select user_id from syncwell.users', format('values (%L::uuid)', test.id('a_member')), 'and itself');
select bag_eq('select org_id from syncwell.orgs', format('values (%L::uuid)', test.org('a')), 'and its org');
select is((select count(*) from syncwell.settings), 2::bigint, 'and the settings of its org and of all');
select throws_ok('select * from syncwell.logins', '42501', null, 'nobody reads the logins');
select throws_ok('delete from syncwell.streams', '42501', null, 'nor writes streams');
select throws_ok('insert into syncwell.users (org_id, user_id, role) values (syncwell.current_org_id(), gen_random_uuid(), ''admin'')',
  '42501', null, 'nor users');
reset session authorization;

set session authorization a_analyst;
select is((select count(*) from syncwell.streams), 3::bigint, 'an analyst sees the streams of the org');
select is((select count(*) from syncwell.users), 4::bigint, 'and its users');
reset session authorization;

set session authorization a_service;
select is((select count(*) from syncwell.streams), 3::bigint, 'a service sees the streams of its org');
reset session authorization;

set session authorization nobody_login;
select is_empty('select * from syncwell.streams', 'nobody sees no stream');
select is_empty('select * from syncwell.users', 'nor a user');
select is_empty('select * from syncwell.orgs', 'nor an org');
reset session authorization;

-- Why row-level security is not forced: it would bind the identity lookup itself.
set session authorization a_member;
select lives_ok('select * from syncwell.users', 'unforced, the lookup reads as owner');
reset session authorization;
alter table syncwell.users force row level security;
set session authorization a_member;
select throws_matching('select * from syncwell.users', 'stack depth|infinite recursion', 'forced, it recurses through the policy that asks it');
reset session authorization;

-- One call a statement, not one a row.
alter table syncwell.users no force row level security;
insert into syncwell.streams (org_id, source) select test.org('a'), 'source_' || n from generate_series(1, 200) as n;
set local track_functions = 'all';
set session authorization a_analyst;
select count(*) from syncwell.streams;
reset session authorization;
select cmp_ok((select coalesce(sum(pg_stat_get_xact_function_calls(oid)), 0) from pg_proc where proname = '_identity'),
  '<=', 3::numeric, 'policies ask who is calling once a statement');

select * from finish();
rollback;
