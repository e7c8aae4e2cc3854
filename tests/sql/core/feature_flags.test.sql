begin;
select plan(29);

set session authorization a_member;
select is(syncwell.feature_enabled('new'), false, 'a flag that was never set is off');
select is(syncwell.feature_enabled(null), false, 'and so is none');
reset session authorization;

set session authorization operator;
select lives_ok('select syncwell.set_feature_flag(''new'', true)', 'on for all');
set session authorization a_member;
select is(syncwell.feature_enabled('new'), true, 'is on');
select is(syncwell.feature_enabled('other'), false, 'and nothing else');
set session authorization nobody_login;
select is(syncwell.feature_enabled('new'), false, 'off for whoever has no org');
select throws_ok('select * from syncwell.get_feature_flags()', 'SW001', null, 'and is shown no list');
set session authorization operator;
select syncwell.set_feature_flag('new', false, test.org('a'));
set session authorization a_member;
select is(syncwell.feature_enabled('new'), false, 'an org''s own wins');
set session authorization b_member;
select is(syncwell.feature_enabled('new'), true, 'in that org');
select results_eq(
  'select flag, org_id, enabled, rollout_percent, is_on from syncwell.get_feature_flags()',
  'values (''new'', null::uuid, true, 100, true)', 'and no other org sees it'
);
set session authorization operator;
select results_eq(
  'select flag, org_id, enabled, is_on from syncwell.get_feature_flags()',
  'values (''new'', null::uuid, true, null::boolean), (''new'', test.org(''a''), false, null)', 'an operator sees all'
);
select syncwell.set_feature_flag('new', true, test.org('a'));
select syncwell.set_feature_flag('new', false);
set session authorization a_member;
select is(syncwell.feature_enabled('new'), true, 'on for one org');
select results_eq(
  'select flag, org_id, enabled, is_on from syncwell.get_feature_flags()',
  'values (''new'', test.org(''a''), true, true)', 'which sees the row that decides'
);
set session authorization b_member;
select is(syncwell.feature_enabled('new'), false, 'and off for the rest');
set session authorization operator;
select syncwell.set_feature_flag('new', null, test.org('a'));
set session authorization a_member;
select is(syncwell.feature_enabled('new'), false, 'removed, what holds for all holds again');
reset session authorization;

-- the percentage
select is(
  (
    select count(*)
    from generate_series(1, 500) as i
    cross join generate_series(0, 99) as p
    where syncwell._is_rolled_out('f', md5(i::text)::uuid, p) and not syncwell._is_rolled_out('f', md5(i::text)::uuid, p + 1)
  ),
  0::bigint, 'raising it turns the flag off for nobody'
);
select is(
  (select count(*) from generate_series(1, 500) as i where syncwell._is_rolled_out('f', md5(i::text)::uuid, 0)), 0::bigint, '0 is none'
);
select is(
  (select count(*) from generate_series(1, 500) as i where syncwell._is_rolled_out('f', md5(i::text)::uuid, 100)), 500::bigint, '100 is all'
);
select ok(
  (select count(*) between 440 and 560 from generate_series(1, 1000) as i where syncwell._is_rolled_out('f', md5(i::text)::uuid, 50)),
  'about as many as it says'
);
select ok(
  (
    select count(*) between 190 and 310
    from generate_series(1, 1000) as i
    where syncwell._is_rolled_out('f', md5(i::text)::uuid, 50) and syncwell._is_rolled_out('g', md5(i::text)::uuid, 50)
  ),
  'other orgs for another flag'
);
select is(
  array(select syncwell._is_rolled_out('f', md5(i::text)::uuid, 50) from generate_series(1, 8) as i),
  '{f,f,f,t,f,t,t,t}'::boolean[], 'the same ones on every server'
);

set session authorization operator;
select syncwell.set_feature_flag('part', true, p_rollout_percent => 30);
select syncwell.set_feature_flag('part', false);
select syncwell.set_feature_flag('part', true);
reset session authorization;
select is((select rollout_percent from syncwell.feature_flags where flag = 'part'), 30, 'off and on again leaves the percentage');

set session authorization operator;
select throws_ok('select syncwell.set_feature_flag(''x'', true, p_rollout_percent => 101)', '22023', 'this is no percentage of orgs', 'above 100');
select throws_ok('select syncwell.set_feature_flag(''x'', true, p_rollout_percent => -1)', '22023', null, 'below 0');
select throws_ok('select syncwell.set_feature_flag(''x'', true, test.org(''a''), 50)', '22023', null, 'half an org');
select throws_ok('select syncwell.set_feature_flag(''x'', true, test.org(''none''))', 'SW003', null, 'an unknown org');
select throws_ok('select syncwell.set_feature_flag(''a b'', true)', '22023', 'this is no name of a flag', 'no name');
select throws_ok('select syncwell.set_feature_flag(null, true)', '22004', null, 'no flag');
set session authorization a_admin;
select throws_ok('select syncwell.set_feature_flag(''x'', true)', '42501', null, 'not for an org''s admins');
reset session authorization;

select * from finish();
rollback;
