begin;
select plan(22);

select is(syncwell.retry_delay(n, p_jitter => 'none'), d::interval, format('retry %s', n))
from (values (1, '1 s'), (2, '2 s'), (3, '4 s'), (4, '8 s'), (5, '16 s'), (6, null), (2147483647, null)) as v (n, d);
select is(syncwell.retry_delay(1, '1 minute', 'none'), '1 minute', 'never before Retry-After');
select is(syncwell.retry_delay(5, '1 s', 'none'), '16 s', 'nor before the delay');
select is(syncwell.retry_delay(1, '1 year', 'none'), '6 hours', 'of which so much counts');
select is(syncwell.retry_delay(1, '-1 s', 'none'), '1 s', 'a negative one is none');
select ok(
  (select bool_and(syncwell.retry_delay(3, p_jitter => 'equal') between '2 s' and '4 s') from generate_series(1, 200)),
  'equal jitter: between half and all'
);
select ok(
  (select min(syncwell.retry_delay(3, p_jitter => 'full')) < '2 s' from generate_series(1, 200)), 'full jitter: from 0'
);
select ok(
  (select bool_and(syncwell.retry_delay(3, p_jitter => 'full') between '0' and '4 s') from generate_series(1, 200)),
  'full jitter: to the bound'
);
select ok(
  (select bool_and(syncwell.retry_delay(5) between '8 s' and '16 s') and count(distinct syncwell.retry_delay(5)) > 50
  from generate_series(1, 100)),
  'equal is the default'
);
do $$ begin
  perform syncwell.set_setting('retry.jitter', 'none', p_org_id => test.org('a'));
  perform syncwell.set_setting('retry.base', '3 s', p_org_id => test.org('a'));
  perform syncwell.set_setting('retry.cap', '5 s', p_org_id => test.org('a'));
  perform syncwell.set_setting('retry.max_retries', '2', p_org_id => test.org('a'));
end $$;
set session authorization a_service;
select is(syncwell.retry_delay(1), '3 s', 'the org''s base');
select is(syncwell.retry_delay(2), '5 s', 'its cap');
select is(syncwell.retry_delay(3), null, 'its maximum');
reset session authorization;
select throws_ok('select syncwell.retry_delay(null)', '22004', null, 'no number');
select throws_ok('select syncwell.retry_delay(0)', '22023', null, 'before the first');
select throws_ok('select syncwell.retry_delay(1, null, ''some'')', '22023', null, 'an unknown jitter');
set session authorization jwt;
select lives_ok('select syncwell.retry_delay(1)', 'nobody gets the defaults');
reset session authorization;

select * from finish();
rollback;
