begin;
select plan(9);

insert into syncwell.streams (org_id, stream_id, user_id, source) values
(test.org('a'), test.id('stream a'), test.id('a_member'), 'calls'),
(test.org('b'), test.id('stream b'), test.id('b_member'), 'calls');

set session authorization a_member;
select ok((select visible from syncwell.explain_access('streams', test.id('stream a'))), 'an own row is visible');
select is((select policy from syncwell.explain_access('streams', test.id('stream a'))), 'own_streams_or_whole_org', 'by the policy named');
select is((select visible from syncwell.explain_access('streams', test.id('stream b'))), false, 'a foreign row is not');
select results_eq(
  format('select * from syncwell.explain_access(''streams'', %L)', test.id('stream b')),
  format('select * from syncwell.explain_access(''streams'', %L)', test.id('no stream')),
  'a foreign row and a missing one get the same answer');
select throws_ok('select * from syncwell.explain_access(''streams; drop table streams'', gen_random_uuid())', '22023', 'nothing to explain', 'a table that is none');
select throws_ok('select * from syncwell.explain_access(''streams'', null)', '22023', 'nothing to explain', 'no id');
select throws_ok('select * from syncwell.explain_access(''logins'', gen_random_uuid())', '22023', 'nothing to explain', 'a table without ids');
reset session authorization;

revoke select on syncwell.streams from syncwell_reader;
set session authorization a_member;
select matches((select reason from syncwell.explain_access('streams', test.id('stream a'))), 'may not read', 'a missing grant is said');
reset session authorization;
select matches((select reason from syncwell.explain_access('streams', test.id('stream a'))), 'does not bind', 'a superuser is bound by no policy');

select * from finish();
rollback;
