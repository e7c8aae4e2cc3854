begin;
select plan(10);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
-- ids of transactions as they would be, whatever this one's is: 100 to 104 were under way when somebody looked
create function pg_temp.change(p_scope uuid, p_xid xid8)
returns void
language sql
as $$
  insert into syncwell.record_changes (scope, table_id, record_id, xid) values (p_scope, 1, gen_random_uuid()::text, p_xid)
$$;
create function pg_temp.scopes(p_since pg_snapshot)
returns text[]
language sql
as $$
  select array(
    select u.name
    from unnest(array['a_member', 'a_other', 'b_member']) as u (name)
    where test.id(u.name) = any ((syncwell._changed_scopes(
      array[test.id('a_member'), test.id('a_other')], p_since
    )).scopes)
  )
$$;

select is(pg_temp.scopes('100:105:100,102'), '{}', 'nothing has changed');
select pg_temp.change(test.id('a_member'), '99');
select pg_temp.change(test.id('a_member'), '101');
select is(pg_temp.scopes('100:105:100,102'), '{}', 'what was seen is not told again');
select pg_temp.change(test.id('a_other'), '102');
select is(pg_temp.scopes('100:105:100,102'), '{a_other}', 'what was under way is, though later ones were seen');
select pg_temp.change(test.id('a_member'), '105');
select is(pg_temp.scopes('100:105:100,102'), '{a_member,a_other}', 'and what began after');
select pg_temp.change(test.id('b_member'), '105');
select is(pg_temp.scopes('100:105:100,102'), '{a_member,a_other}', 'of the scopes that were asked for');
select is(pg_temp.scopes(null), '{}', 'the first look sees nothing');
select ok((syncwell._changed_scopes('{}', null)).seen::text ~ '^\d+:\d+:', 'and knows what to ask with next time');

do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select is(pg_temp.scopes('100:105:100,102'), '{a_member}', 'who acts for somebody learns of nobody else');

set session authorization a_admin;
select throws_ok($$select syncwell._changed_scopes(array[test.id('b_member')], '1:1:')$$, '42501', null, 'for gateways');
reset session authorization;
set session authorization a_climber;
select throws_ok($$select syncwell._changed_scopes(array[test.id('b_member')], '1:1:')$$, '42501', null,
  'by their binding, not by membership alone');
reset session authorization;

select * from finish();
rollback;
