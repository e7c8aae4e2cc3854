begin;
select plan(16);

set session authorization gateway;
select lives_ok(format('select syncwell.act_as(%L)', test.id('a_member')), 'a gateway acts for a user');
select is(syncwell.current_user_id(), test.id('a_member'), 'and is that user');
select is(syncwell.current_org_id(), test.org('a'), 'of the user''s org');
select is(current_setting('request.jwt.claims')::jsonb ->> 'sub', test.id('a_member')::text, 'the host''s own policies see the same user');
select is(syncwell._sees_org(), false, 'with the user''s own role');
savepoint before_refusal;
select throws_ok(format('select syncwell.act_as(%L)', test.id('unknown')), 'SW002', 'unknown user', 'an unknown user is refused');
select is(syncwell.current_user_id(), test.id('a_member'), 'and nothing is set by the refusal');
select throws_ok('select syncwell.act_as(null)', 'SW002', null, 'NULL is no user');
select lives_ok(format('select syncwell.act_as_org(%L)', test.org('b')), 'a gateway acts for an org');
select is(syncwell.current_user_id(), null, 'then no user is left over');
select is(syncwell.current_org_id(), test.org('b'), 'the org is the one named');
select is(current_setting('request.jwt.claims')::jsonb ->> 'sub', null, 'nor in the claims');
reset session authorization;

set session authorization jwt;
select throws_ok(format('select syncwell.act_as(%L)', test.id('a_admin')), '42501', null, 'a jwt login may not act for others');
reset session authorization;

-- even with the grant: what counts is the binding
grant syncwell_gateway to a_member, jwt;
set session authorization a_member;
select throws_ok(format('select syncwell.act_as(%L)', test.id('a_admin')), '42501', 'only a gateway login acts for others', 'nor a user login in the gateway role');
reset session authorization;
set session authorization jwt;
select throws_ok(format('select syncwell.act_as(%L)', test.id('a_admin')), '42501', 'only a gateway login acts for others', 'nor a jwt login in it');
select throws_ok(format('select syncwell.act_as_org(%L)', test.org('a')), '42501', 'only a gateway login acts for others', 'nor for an org');
reset session authorization;

select * from finish();
rollback;
