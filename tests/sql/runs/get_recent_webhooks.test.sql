begin;
select plan(9);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

do $$ begin
  perform syncwell.record_sync_start('hooks', 'webhook'), syncwell.record_sync_start('hooks', 'manual'), syncwell.record_sync_start('calls', 'webhook', p_user_id => test.id('a_member'));
  perform syncwell.record_sync_start('hooks', 'full');
  perform syncwell.act_as_org(test.org('b')), syncwell.record_sync_start('theirs', 'webhook'), syncwell.act_as_org(test.org('a'));
end $$;
select results_eq('select source, sync_type, user_id from syncwell.get_recent_webhooks() order by source', $$values ('calls', 'webhook', test.id('a_member')), ('hooks', 'webhook', null)$$, 'webhooks only');
select results_eq('select source from syncwell.get_recent_webhooks(''hooks'')', $$values ('hooks')$$, 'of a source');
select is((select count(*) from syncwell.get_recent_webhooks(p_limit => 1)), 1::bigint, 'so many');
select results_eq('select source from syncwell.get_recent_webhooks(p_user_id => test.id(''a_member''))', $$values ('calls')$$, 'of a user');
select is((select count(*) from syncwell.get_recent_webhooks('none')), 0::bigint, 'nothing matches: no rows');
select throws_ok('select syncwell.get_recent_webhooks(p_limit => 1001)', '22023', null, 'too high a limit');
select throws_ok('select syncwell.get_recent_webhooks(p_user_id => test.id(''b_member''))', 'SW002', null, 'a user of another org');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select results_eq('select source from syncwell.get_recent_webhooks()', $$values ('hooks')$$, 'a member: its own and the org''s');
select bag_eq(
  $$select p.proname || ' ' || unnest(proargnames[array_length(proargtypes::oid[], 1) + 1:]) from pg_proc as p where proname = 'get_recent_webhooks'$$,
  $$select 'get_recent_webhooks ' || unnest(proargnames[array_length(proargtypes::oid[], 1) + 1:]) from pg_proc as p where proname = 'get_recent_sync_events'$$,
  'the columns of get_recent_sync_events()'
);

select * from finish();
rollback;
