begin;
select plan(14);

select is(kind, 'service', 'fixtures bound a service') from syncwell.logins where login_role = 'a_service';
select lives_ok(format('select syncwell.bind_login(''nobody_login'', ''user'', p_user_id => %L)', test.id('a_member')), 'a user''s org is found');
select is(org_id, test.org('a'), 'and stored') from syncwell.logins where login_role = 'nobody_login';
select lives_ok('select syncwell.bind_login(''nobody_login'', ''gateway'')', 'binding again replaces');
select is((kind, org_id, user_id), ('gateway'::text, null::uuid, null::uuid), 'the whole binding') from syncwell.logins where login_role = 'nobody_login';
select ok(syncwell.unbind_login('nobody_login'), 'unbinding takes it away');
select ok(not syncwell.unbind_login('nobody_login'), 'once');
select throws_ok('select syncwell.bind_login(''no_such_role'', ''gateway'')', '22023', 'login not bound', 'a role that is not there');
select throws_ok('select syncwell.bind_login(''nobody_login'', ''root'')', '22023', 'login not bound', 'an unknown kind');
select throws_ok('select syncwell.bind_login(''nobody_login'', ''service'')', '22023', 'login not bound', 'a service without an org');
select throws_ok(format('select syncwell.bind_login(''nobody_login'', ''gateway'', %L)', test.org('a')), '22023', 'login not bound', 'a gateway with one');
select throws_ok(format('select syncwell.bind_login(''nobody_login'', ''user'', %L, %L)', test.org('b'), test.id('a_member')), 'SW002', 'unknown user', 'a user of another org');
select throws_ok(format('select syncwell.bind_login(''nobody_login'', ''service'', %L)', test.org('x')), 'SW003', 'unknown org', 'an unknown org');

set session authorization operator;
select throws_ok('select syncwell.bind_login(''operator'', ''gateway'')', '42501', null, 'only the owner binds');
reset session authorization;

select * from finish();
rollback;
