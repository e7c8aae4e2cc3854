begin;
select plan(25);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create temp table run as select * from syncwell.record_sync_start(
  'calls', 'full', 't0', null, test.id('a_member'), 'ios', 'd1', 'wifi', 'good'
);
do $$ begin perform pg_temp.at('12:00:04'), syncwell.record_sync_complete(event_id, lease, 10, 't1', 1, 2, 3, 0) from run; end $$;
do $$ begin perform pg_temp.at('12:01'), syncwell.record_sync_error(r.event_id, r.lease, 'boom', 'ECONNRESET') from syncwell.record_sync_start('sms', p_user_id => test.id('a_other')) as r; end $$;
do $$ begin perform pg_temp.at('12:02'), syncwell.record_sync_start('org', 'webhook'); end $$;
do $$ begin perform syncwell.act_as_org(test.org('b')), syncwell.record_sync_start('org'), syncwell.act_as_org(test.org('a')); end $$;

select results_eq($$select * from syncwell.get_recent_sync_events('calls')$$,
  $$select event_id, 'calls', test.id('a_member'), 'full', 'success', timestamptz '2026-11-21 12:00+00', timestamptz '2026-11-21 12:00:04+00', 4000::bigint,
  10::bigint, 1::bigint, 2::bigint, 3::bigint, 0::bigint, 2.5, null::text, null::bigint, null::text, null::text, null::text, 1, 'ios', 'd1', 'wifi', 't0', 't1', null::timestamptz from run$$, 'a run');
select results_eq('select source from syncwell.get_recent_sync_events()', $$values ('org'), ('sms'), ('calls')$$, 'newest first, of the org only');
select results_eq('select source from syncwell.get_recent_sync_events(p_limit => 2)', $$values ('org'), ('sms')$$, 'so many');
select results_eq($$select source, items_per_second, duration_ms from syncwell.get_recent_sync_events(p_status => 'started')$$, $$values ('org', null::numeric, null::bigint)$$, 'of a status');
select results_eq($$select source, error_type, error_code, error_message, duration_ms, items_per_second from syncwell.get_recent_sync_events(p_limit => 1, p_status => 'failed')$$,
  $$values ('sms', 'ECONNRESET', 'ECONNRESET', 'boom', 56000::bigint, null::numeric)$$, 'filters come before the limit');
select is((select count(*) from syncwell.get_recent_sync_events('none')), 0::bigint, 'nothing matches: no rows');
select results_eq($$select source from syncwell.get_recent_sync_events(p_user_id => test.id('a_other'))$$, $$values ('sms')$$, 'of a user');
select is((select count(*) from syncwell.get_recent_sync_events('calls', p_user_id => test.id('a_other'))), 0::bigint, 'who has no such source');
select throws_ok('select syncwell.get_recent_sync_events(p_user_id => test.id(''b_member''))', 'SW002', null, 'a user of another org');
select throws_ok('select syncwell.get_recent_sync_events(p_limit => 0)', '22023', null, 'no limit');
select throws_ok('select syncwell.get_recent_sync_events(p_limit => null)', '22004', null, 'an unknown one');
select throws_ok('select syncwell.get_recent_sync_events(p_status => ''fine'')', '22023', null, 'an unknown status');

do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select results_eq('select source from syncwell.get_recent_sync_events()', $$values ('org'), ('calls')$$, 'a member: its own and the org''s');
select results_eq('select source from syncwell.get_recent_sync_events(p_limit => 1)', $$values ('org')$$, 'within the limit');
select results_eq($$select source from syncwell.get_recent_sync_events(p_status => 'success')$$, $$values ('calls')$$, 'of a status');
select results_eq($$select source from syncwell.get_recent_sync_events(p_user_id => test.id('a_member'))$$, $$values ('calls')$$, 'by name');
select throws_ok('select syncwell.get_recent_sync_events(p_user_id => test.id(''a_other''))', 'SW002', null, 'nobody else');
select results_eq('select source, sync_type from syncwell.get_recent_webhooks()', $$values ('org', 'webhook')$$, 'webhooks');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select results_eq('select source from syncwell.get_recent_sync_events()', $$values ('org'), ('sms'), ('calls')$$, 'an analyst: all');
select is((select error_message from syncwell.get_recent_sync_events('sms')), 'boom', 'with the text');
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
select results_eq($$select error_message, device_id, network_type from syncwell.get_recent_sync_events() where source <> 'org'$$,
  'values (null::text, null::text, null::text), (null, null, null)', 'no details without consent');
do $$ begin perform syncwell.act_as_org(test.org('a')), syncwell.unregister_stream('sms', test.id('a_other')); end $$;
select results_eq('select source from syncwell.get_recent_sync_events()', $$values ('org'), ('calls')$$, 'no retired streams');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select results_eq('select source from syncwell.get_recent_sync_events()', $$values ('org')$$, 'for nobody');
set session authorization nobody_login;
select throws_ok('select syncwell.get_recent_sync_events()', 'SW001', null, 'nobody has none');
reset session authorization;
set session authorization operator;
select throws_ok('select syncwell.get_recent_sync_events()', 'SW001', null, 'nor has an operator');
reset session authorization;

select * from finish();
rollback;
