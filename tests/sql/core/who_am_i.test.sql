-- One lookup of session_user decides who is calling; nothing a session can set changes that.
begin;
select plan(24);

create function pg_temp.identity() returns text language sql
as $$ select concat_ws('/', coalesce(kind, '-'), case org_id when test.org('a') then 'a' when test.org('b') then 'b' else '-' end,
  case when user_id is null then '-' when user_id = test.id('a_member') then 'a_member' when user_id = test.id('b_admin') then 'b_admin'
    when user_id = test.id('a_analyst') then 'a_analyst' else 'other' end, coalesce(role, '-')) from syncwell.who_am_i() $$;
grant execute on function pg_temp.identity() to public;

set session authorization a_member;
select is(pg_temp.identity(), 'user/a/a_member/member', 'a user login is its user');
select is(syncwell.current_org_id(), test.org('a'), 'current_org_id() gives the org');
select is(syncwell.current_user_id(), test.id('a_member'), 'current_user_id() gives the user');
set local syncwell.user_id = '00000000-0000-0000-0000-000000000001';
select set_config('syncwell.user_id', test.id('b_admin')::text, true), set_config('syncwell.org_id', test.org('b')::text, true),
  set_config('request.jwt.claims', json_build_object('sub', test.id('b_admin'), 'role', 'syncwell_owner')::text, true);
select is(pg_temp.identity(), 'user/a/a_member/member', 'forged settings and claims give a user login nothing');
reset session authorization;

set session authorization a_analyst;
select is(pg_temp.identity(), 'user/a/a_analyst/analyst', 'an analyst keeps its role under forged settings');
set role syncwell_reader;
select is(pg_temp.identity(), 'user/a/a_analyst/analyst', 'SET ROLE does not change who is calling');
reset role;
reset session authorization;

set session authorization a_service;
select is(pg_temp.identity(), 'service/a/-/service', 'a service login is its org, under forged settings too');
select is(syncwell.current_user_id(), null, 'a service is no user');
reset session authorization;

set session authorization nobody_login;
select is(pg_temp.identity(), '-/-/-/-', 'a login without a binding is nobody, whatever it sets');
select is(syncwell.current_org_id(), null, 'nobody has no org');
select is(syncwell._sees_org(), false, 'nobody sees no org');
select matches((select rule from syncwell.who_am_i()), 'not bound', 'and the rule says why');
reset session authorization;

set session authorization jwt;
select is(pg_temp.identity(), 'jwt/b/b_admin/admin', 'a jwt login is sub of the claims');
select set_config('request.jwt.claims', json_build_object('sub', test.id('nobody there'))::text, true);
select is(pg_temp.identity(), 'jwt/-/-/-', 'an unknown sub is nobody');
select set_config('request.jwt.claims', '{"sub": "admin'' or true --"}', true);
select is(pg_temp.identity(), 'jwt/-/-/-', 'a sub that is no uuid is nobody');
select set_config('request.jwt.claims', '{not json', true);
select is(pg_temp.identity(), 'jwt/-/-/-', 'claims that are no JSON are nobody');
select set_config('request.jwt.claims', '[1, "\u0000"]', true);
select is(pg_temp.identity(), 'jwt/-/-/-', 'claims with a null character are nobody');
select set_config('request.jwt.claims', '7', true);
select is(pg_temp.identity(), 'jwt/-/-/-', 'claims that are no object are nobody');
select set_config('request.jwt.claims', '', true);
select is(pg_temp.identity(), 'jwt/-/-/-', 'no claims: nobody');
reset session authorization;

select set_config('syncwell.user_id', '', true), set_config('syncwell.org_id', '', true);
set session authorization gateway;
select is(pg_temp.identity(), 'gateway/-/-/-', 'a gateway that acts for nobody is nobody');
select throws_ok('select syncwell.act_as_org(test.org(''nowhere''))', 'SW003', 'unknown org', 'an unknown org is refused');
reset session authorization;

-- Membership is no identity: an unbound login in every role still is nobody.
grant syncwell_gateway, syncwell_operator to nobody_login;
set session authorization nobody_login;
select is(pg_temp.identity(), '-/-/-/-', 'membership of every role makes nobody somebody');
select throws_ok('select * from syncwell._caller()', '42501', null, 'internal functions are not granted');
reset session authorization;
select throws_ok('select * from syncwell._caller()', 'SW001', 'nobody is calling: this session has no identity', 'nobody: SW001');

select * from finish();
rollback;
