begin;
select plan(14);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;
select is_empty('select * from syncwell.get_service_health()', 'no stream, no row');
do $$ begin perform syncwell.register_stream('calls', p_expected_interval => '1 hour'); end $$;
select results_eq(
  'select source, status, score, last_sync_at, next_sync_at, consecutive_failures, success_rate, average_duration_ms, p95_duration_ms, active_errors, alerts, streams from syncwell.get_service_health()',
  $$values ('calls', 'unknown', null::numeric, null::timestamptz, '2026-03-10 09:00+00'::timestamptz, 0, null::numeric, null::double precision,
    null::double precision, 0::bigint, 0::bigint, 1::bigint)$$,
  'never ran: rate and durations are unknown, not 0'
);
do $$
begin
  for v_i in 1..20 loop
    perform test.run('sms', '2026-03-10 08:00+00'::timestamptz + v_i * interval '1 minute', 'success', p_items => 10);
  end loop;
  perform test.run('sms', '2026-03-10 09:00+00', 'cancelled', p_items => 10);
  perform test.run('sms', '2026-03-10 09:01+00', 'failed');
  perform test.run('sms', '2026-03-10 09:02+00', 'failed');
  perform test.run('sms', '2026-03-10 09:03+00', 'failed');
  perform syncwell.create_sync_error('sms', 'somebody called', 'EPIPE');
end
$$;
select results_eq(
  'select source, status, last_sync_at, consecutive_failures, is_healthy, success_rate, average_duration_ms, p95_duration_ms, active_errors, alerts from syncwell.get_service_health(''sms'')',
  $$values ('sms', 'unhealthy', '2026-03-10 09:03:10+00'::timestamptz, 3, false, 20 / 23.0, 10000::double precision, 10000::double precision, 2::bigint, 1::bigint)$$,
  'rate without the cancelled run; errors by kind; one critical issue'
);
select results_eq('select source from syncwell.get_service_health()', $$values ('sms'), ('calls')$$, 'the worst first');
select is_empty('select * from syncwell.get_service_health(''nothing'')', 'a filter that matches nothing gives no rows');
do $$ begin perform test.run('sms', '2026-03-10 09:04+00', 'success', p_items => 10); end $$;
select results_eq(
  'select status, is_healthy, active_errors, alerts from syncwell.get_service_health(''sms'')',
  $$values ('degraded', true, 1::bigint, 0::bigint)$$, 'a success resolves what runs reported, and the alert'
);

-- the org: the worst of its users' streams
do $$
begin
  perform syncwell.act_as(test.id('a_other'));
  perform test.run('sms', '2026-03-10 09:05+00', 'success', p_items => 10);
end
$$;
select is((select status from syncwell.get_service_health('sms')), 'healthy', 'a member''s own is well');
select is((select success_rate from syncwell.get_service_health('sms')), 1::numeric, 'with his own rate');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select results_eq(
  'select status, streams, success_rate from syncwell.get_service_health(''sms'')', $$values ('degraded', 2::bigint, 22 / 25.0)$$,
  'an analyst sees the worse status and both together'
);
select is((select status from syncwell.get_service_health('sms', test.id('a_other'))), 'healthy', 'or one user''s');
do $$ begin perform syncwell.act_as(test.id('a_member')); perform test.run('sms', '2026-03-10 09:06+00', 'failed'); end $$;
select is((select alerts from syncwell.get_service_health('sms')), 0::bigint, 'a warning is no alert');
do $$
begin
  perform test.run('sms', '2026-03-10 09:07+00', 'failed');
  perform test.run('sms', '2026-03-10 09:08+00', 'failed');
  perform syncwell.act_as(test.id('a_analyst'));
end
$$;
select is((select is_healthy from syncwell.get_service_health('sms')), false, 'one stream that is not makes the source not healthy');
do $$ begin perform syncwell.act_as(test.id('b_admin')); end $$;
select is_empty('select * from syncwell.get_service_health()', 'another org sees nothing');
select throws_ok(format('select * from syncwell.get_service_health(null, %L)', test.id('a_other')), 'SW002', 'unknown user', 'and knows nobody');

select * from finish();
rollback;
