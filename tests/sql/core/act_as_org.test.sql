begin;
select plan(11);

-- membership of the gateway role is not enough: what counts is the binding
grant syncwell_gateway to nobody_login, a_service;
set session authorization nobody_login;
select is(kind, null, 'a login without a binding') from syncwell.who_am_i();
select throws_ok(format('select syncwell.act_as(%L)', test.id('a_member')), '42501', 'only a gateway login acts for others', 'acts for no user');
select throws_ok(format('select syncwell.act_as_org(%L)', test.org('a')), '42501', 'only a gateway login acts for others', 'nor for an org');
select throws_ok(format('select syncwell.act_as_org(%L)', test.org('none')), '42501', 'only a gateway login acts for others', 'and does not learn which there are');
select is(coalesce(syncwell.current_org_id()::text, '') || coalesce(current_setting('syncwell.org_id', true), ''), '', 'nothing is set');
reset session authorization;
set session authorization a_service;
select throws_ok(format('select syncwell.act_as_org(%L)', test.org('b')), '42501', 'only a gateway login acts for others', 'nor does a service of another org');
select is(syncwell.current_org_id(), test.org('a'), 'which stays what it is');
reset session authorization;

-- the control: bound, the same login may
select syncwell.bind_login('nobody_login', 'gateway');
set session authorization nobody_login;
select lives_ok(format('select syncwell.act_as_org(%L)', test.org('a')), 'once it is bound as a gateway, it acts');
select is(syncwell.current_org_id(), test.org('a'), 'for that org');
select throws_ok(format('select syncwell.act_as_org(%L)', test.org('none')), 'SW003', 'unknown org', 'an unknown org is refused');
select throws_ok('select syncwell.act_as_org(null)', 'SW003', 'unknown org', 'NULL is no org');
reset session authorization;

select * from finish();
rollback;
