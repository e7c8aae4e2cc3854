begin;
select plan(9);

-- a stream each of two orgs
do $$
begin
  perform test.at('2026-03-10 12:00+00');
  insert into syncwell.streams (org_id, user_id, source) values
    (test.org('a'), test.id('a_member'), 'calls'), (test.org('b'), test.id('b_member'), 'calls');
end
$$;
create function pg_temp.learned() returns text
language sql security definer
as $$
  select coalesce(string_agg(distinct o.name, ', ' order by o.name), '-')
  from syncwell.stream_states as x join syncwell.orgs as o on o.org_id = x.org_id
  where x.learned_at is not null and x.source = 'calls';
$$;

set session authorization a_member;
select throws_ok('select syncwell.learn_health_baselines()', '42501', 'learning needs a service or an admin', 'a member may not');
reset session authorization;
set session authorization a_analyst;
select throws_ok('select syncwell.learn_health_baselines()', '42501', null, 'nor may an analyst');
reset session authorization;
set session authorization nobody_login;
select throws_ok('select syncwell.learn_health_baselines()', 'SW001', null, 'nor nobody');
reset session authorization;
select is(pg_temp.learned(), '-', 'and nothing was learned');

set session authorization a_service;
select cmp_ok(syncwell.learn_health_baselines(), '>=', 1::bigint, 'a service does');
reset session authorization;
select is(
  (select count(*) from syncwell.stream_states where org_id = test.org('a') and source = 'calls' and learned_at is not null), 1::bigint, 'its own org'
);
select is((select count(*) from syncwell.stream_states where org_id = test.org('b') and learned_at is not null), 0::bigint, 'no other');

set session authorization operator;
select cmp_ok(syncwell.learn_health_baselines(), '>=', 1::bigint, 'an operator does all');
reset session authorization;
select is((select count(*) from syncwell.stream_states where org_id = test.org('b') and source = 'calls' and learned_at is not null), 1::bigint, 'which are the others by now');

select * from finish();
rollback;
