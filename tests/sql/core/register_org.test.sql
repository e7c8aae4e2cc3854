begin;
select plan(15);

set session authorization operator;
select isnt(syncwell.register_org('Acme'), null, 'an operator registers an org');
select is(syncwell.register_org('Acme Ltd', test.org('a'), 'Asia/Tokyo'), test.org('a'), 'an org can be renamed');
reset session authorization;
select is((name, time_zone), ('Acme Ltd'::text, 'Asia/Tokyo'::text), 'the row is changed') from syncwell.orgs where org_id = test.org('a');
set session authorization operator;
select throws_ok('select syncwell.register_org(null)', '22004', 'an org needs a name and a time zone', 'NULL');
select throws_ok('select syncwell.register_org('''')', '22023', 'an org needs a name', 'empty');
select throws_ok('select syncwell.register_org(repeat(''x'', 201))', '22001', 'p_name is too long', 'too long');
select throws_ok('select syncwell.register_org(''x'', null, ''Mars/Olympus'')', '22023', 'unknown time zone', 'an unknown time zone');

select isnt(syncwell.register_user(test.org('a')), null, 'a user gets an id');
select is(syncwell.register_user(test.org('a'), test.id('a_member'), 'analyst', 'Ann'), test.id('a_member'), 'a user''s role can be changed');
reset session authorization;
select is((role, display_name), ('analyst'::text, 'Ann'::text), 'the row is changed') from syncwell.users where user_id = test.id('a_member');
set session authorization operator;
select throws_ok(format('select syncwell.register_user(%L, %L)', test.org('b'), test.id('a_member')), '22023', 'this user belongs to another org', 'a user has one org');
select throws_ok(format('select syncwell.register_user(%L)', test.org('x')), 'SW003', 'unknown org', 'an unknown org');
select throws_ok(format('select syncwell.register_user(%L, null, ''root'')', test.org('a')), '22023', 'unknown role of a user', 'an unknown role');
select throws_ok(format('select syncwell.register_user(%L, null, ''member'', repeat(''x'', 201))', test.org('a')), '22001', 'p_display_name is too long', 'a long name');
reset session authorization;

set session authorization a_admin;
select throws_ok('select syncwell.register_org(''mine'')', '42501', null, 'an org''s admin registers none');
reset session authorization;

select * from finish();
rollback;
