begin;
select plan(44);

-- facts are made as services make them, by a gateway that acts for one user after the other, on the fake clock
create function pg_temp.status(p_source text default null)
returns text
language sql
as $$
  select h.status from syncwell.get_sync_health_status() as h where h.source is not distinct from p_source;
$$;
do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

-- nothing there
do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;
select results_eq(
  'select source, status, score, freshness_score, reliability_score, last_sync_at, consecutive_failures, streams, worst_source from syncwell.get_sync_health_status()',
  $$values (null::text, 'unknown', null::numeric, null::numeric, null::numeric, null::timestamptz, null::integer, 0::bigint, null::text)$$,
  'a user without data: one overall row, unknown, and nothing that looks like a number'
);
select isnt((select advice from syncwell.get_sync_health_status()), null, 'and advice what to do');

-- declared, never ran: unknown, late, unhealthy
do $$ begin perform syncwell.register_stream('calls', p_expected_interval => '1 hour'); end $$;
select is(pg_temp.status('calls'), 'unknown', 'registered and not due yet: unknown');
select is(pg_temp.status(), 'unknown', 'and so overall');
select is((select unknown_streams from syncwell.get_sync_health_status() where source is null), 1::bigint, 'which is counted');
do $$ begin perform test.at('2026-03-10 09:07+00'); end $$;
select is(pg_temp.status('calls'), 'late', 'past due and grace: late, though it never ran');
do $$ begin perform test.at('2026-03-10 11:00+00'); end $$;
select is(pg_temp.status('calls'), 'unhealthy', 'three intervals: unhealthy');
select is((select last_sync_at from syncwell.get_sync_health_status() where source = 'calls'), null, 'it never ran: no time');
select is((select reliability_score from syncwell.get_sync_health_status() where source = 'calls'), null, 'and no reliability');

-- the life of a stream that only runs
do $$ begin perform test.run('sms', '2026-03-10 11:00+00', 'success', p_items => 10, p_platform => 'android'); end $$;
select is(pg_temp.status('sms'), 'healthy', 'a first success is healthy');
select is(pg_temp.status(), 'unhealthy', 'the worst stream decides overall');
select is((select worst_source from syncwell.get_sync_health_status() where source is null), 'calls', 'and is named');
select is((select score from syncwell.get_sync_health_status() where source is null), 50.0, 'the mean of 100 and 0');
select is((select platform from syncwell.get_sync_health_status() where source = 'sms'), 'android', 'its platform');
select is((select platform from syncwell.get_sync_health_status() where source is null), null, 'not the same for all: not told');
select results_eq('select source from syncwell.get_sync_health_status()', $$values (null), ('calls'), ('sms')$$, 'overall first, then the worst');
do $$ begin perform test.run('calls', '2026-03-10 11:01+00', 'success', p_items => 10); end $$;
select is(pg_temp.status('calls'), 'healthy', 'running ends the staleness');
select is(pg_temp.status(), 'healthy', 'and all is well');
select is((select reason from syncwell.get_sync_health_status() where source is null), null, 'no reason');
select is((select advice from syncwell.get_sync_health_status() where source is null), null, 'and no advice');

do $$ begin perform test.run('sms', '2026-03-10 11:02+00', 'failed'); end $$;
select is(pg_temp.status('sms'), 'degraded', 'one failure degrades');
select is((select last_success_at from syncwell.get_sync_health_status() where source = 'sms'), '2026-03-10 11:00:10+00', 'the last success stays');
select is((select last_sync_at from syncwell.get_sync_health_status() where source = 'sms'), '2026-03-10 11:02:10+00', 'the last sync is the failure');
do $$ begin perform test.run('sms', '2026-03-10 11:03+00', 'failed'); end $$;
select is(pg_temp.status('sms'), 'degraded', 'two failures degrade');
do $$ begin perform test.run('sms', '2026-03-10 11:04+00', 'failed'); end $$;
select is(pg_temp.status('sms'), 'unhealthy', 'three in a row are unhealthy');
select is((select consecutive_failures from syncwell.get_sync_health_status() where source = 'sms'), 3, 'counted');
select is((select reliability_score from syncwell.get_sync_health_status() where source = 'sms'), 0.0, 'a rate of a quarter minus 75 is 0');
do $$ begin perform test.run('sms', '2026-03-10 11:05+00', 'cancelled', p_items => 10); end $$;
select is(pg_temp.status('sms'), 'unhealthy', 'a cancelled run says nothing');
do $$ begin perform test.run('sms', '2026-03-10 11:06+00', 'success', p_items => 10); end $$;
select is(pg_temp.status('sms'), 'degraded', 'one success ends the streak');
do $$ begin perform test.run('sms', '2026-03-10 11:07+00', 'success', p_items => 10); end $$;
select is(pg_temp.status('sms'), 'healthy', 'the second makes it healthy');
do $$ begin perform test.run('sms', '2026-03-10 11:08+00', 'partial', p_items => 10); end $$;
select is(pg_temp.status('sms'), 'degraded', 'a partial run degrades');
do $$ begin perform test.run('sms', '2026-03-10 11:09+00', 'success', p_items => 10); end $$;
select is(pg_temp.status('sms'), 'healthy', 'until the next good one');

-- settings of a source and a platform hold for it alone
do $$ begin perform syncwell.set_setting('health.stale_after', '1 hour', p_source => 'sms', p_org_id => test.org('a')); end $$;
do $$ begin perform test.run('web', '2026-03-10 11:10+00', 'success', p_items => 10); perform test.at('2026-03-10 12:30+00'); end $$;
select is(pg_temp.status('sms'), 'late', 'a setting of its source');
select is(pg_temp.status('web'), 'healthy', 'is not another''s');
do $$ begin perform syncwell.set_setting('health.stale_after', '20 minutes', p_platform => 'android', p_org_id => test.org('a')); end $$;
select is(pg_temp.status('sms'), 'late', 'the source beats the platform: one hour, not three times 20 minutes');
do $$ begin perform syncwell.set_setting('health.stale_after', null, p_source => 'sms', p_org_id => test.org('a')); end $$;
select is(pg_temp.status('sms'), 'unhealthy', 'without it the platform''s holds');
select is(pg_temp.status('web'), 'healthy', 'for streams of that platform');

-- who sees whom
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select is(pg_temp.status('sms'), null, 'another member does not see it');
select throws_ok(format('select * from syncwell.get_sync_health_status(%L)', test.id('a_member')), 'SW002', null, 'nor may he ask');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is((select streams from syncwell.get_sync_health_status() where source is null), 3::bigint, 'an analyst sees all');
select is((select status from syncwell.get_sync_health_status(test.id('a_member')) where source = 'sms'), 'unhealthy', 'and may ask for one');
select throws_ok(format('select * from syncwell.get_sync_health_status(%L)', test.id('b_member')), 'SW002', 'unknown user', 'a user of another org');
select throws_ok(format('select * from syncwell.get_sync_health_status(%L)', test.id('unknown')), 'SW002', 'unknown user', 'is refused as one that does not exist');
set session authorization nobody_login;
select throws_ok('select * from syncwell.get_sync_health_status()', 'SW001', null, 'nobody has no health');
reset session authorization;

select * from finish();
rollback;
