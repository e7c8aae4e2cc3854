begin;
select plan(9);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$
begin
  perform test.at('2024-03-10 08:00+00', 'a_member');
  perform syncwell.register_stream('calls', p_expected_interval => '1 hour');
  perform test.run('sms', '2024-03-10 08:00+00', 'failed', p_platform => 'ios');
  perform syncwell.act_as(test.id('a_other'));
  perform test.run('sms', '2024-03-10 08:00+00', 'success', p_items => 10);
  perform syncwell.act_as_org(test.org('a'));
  perform test.run('todoist', '2024-03-10 08:00+00', 'success', p_items => 10);
  perform syncwell.register_stream('gone');
  perform syncwell.unregister_stream('gone');
  perform syncwell.act_as(test.id('b_member'));
  perform test.run('sms', '2024-03-10 08:00+00', 'success', p_items => 10);
end
$$;

-- the reader is himself: his login, his rights, and the real clock, by which all of this is long past
set session authorization a_member;
select results_eq('select source from syncwell.stream_health order by source', $$values ('calls'), ('sms'), ('todoist')$$, 'a member: his own and the org''s, retired ones not');
select results_eq(
  'select source, status, reason from syncwell.stream_health where status <> ''healthy'' order by source',
  $$values
    ('calls', 'unhealthy', 'never ran, and 3 expected intervals have passed'),
    ('sms', 'unhealthy', 'never succeeded, and 3 expected intervals have passed'),
    ('todoist', 'unhealthy', 'no success for 3 expected intervals')$$,
  'who is not syncing, and why'
);
select results_eq(
  'select since from syncwell.stream_health order by source',
  $$values ('2024-03-10 09:00+00'::timestamptz), ('2024-03-11 08:00+00'), ('2024-03-11 08:00:10+00')$$, 'and since when'
);
reset session authorization;
set session authorization a_analyst;
select is((select count(*) from syncwell.stream_health), 4::bigint, 'an analyst: all of the org');
reset session authorization;
set session authorization b_admin;
select is((select count(*) from syncwell.stream_health), 1::bigint, 'another org: its own');
reset session authorization;
set session authorization nobody_login;
select is((select count(*) from syncwell.stream_health), 0::bigint, 'nobody: nothing');
reset session authorization;

-- view and functions agree, as of any time, with settings of a source and a platform
do $$
begin
  perform test.at('2024-03-10 10:30+00', 'a_analyst');
  perform syncwell.set_setting('health.stale_after', '1 hour', p_platform => 'ios', p_org_id => test.org('a'));
  perform syncwell.set_setting('health.weight_freshness', '70', p_source => 'sms');
end
$$;
select set_eq(
  $$select stream_id, status, score, freshness_score, reliability_score, freshness, since, reason, advice, expected_interval, due_at, late_at, stale_at,
    last_sync_at, last_status, last_success_at, last_failed_at, last_duration_ms, consecutive_failures, is_healthy, next_sync_at, items_in_database
    from syncwell._stream_health(null, null)$$,
  format(
    $$select stream_id, status, score, freshness_score, reliability_score, freshness, since, reason, advice, expected_interval, due_at, late_at, stale_at,
      last_sync_at, last_status, last_success_at, last_failed_at, last_duration_ms, consecutive_failures, is_healthy, next_sync_at, items_in_database
      from syncwell.stream_health where org_id = %L$$,
    test.org('a')
  ),
  'the view says what the functions say'
);
select is(
  (select h.status || ' ' || h.freshness from syncwell.stream_health as h where h.org_id = test.org('a') and h.user_id = test.id('a_member') and h.source = 'sms'),
  'degraded late', 'with the settings of the stream''s platform'
);
select is_empty(
  $$select attname from pg_attribute where attrelid = 'syncwell.stream_health'::regclass and attnum > 0
    and attname ~ '(error|message|device|network|token)'$$,
  'no error text, device or network'
);

select * from finish();
rollback;
