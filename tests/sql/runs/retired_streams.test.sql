begin;
select plan(8);
-- what is retired is not retried, neither plainly nor as the probe of an open circuit
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
  perform syncwell.schedule_sync_retry(syncwell.create_sync_error('api', 'x', p_user_id => test.id('a_member')), '0');
  perform syncwell.schedule_sync_retry(syncwell.create_sync_error('mail', 'x', p_user_id => test.id('a_member')), '0');
  perform syncwell.unregister_stream('api', test.id('a_member')), syncwell.unregister_stream('mail', test.id('a_member'));
  insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
  values (test.org('a'), 'api', 'open', '2026-11-21 11:59+00', '30 s', '2026-11-21 11:59:30+00');
end $$;
select is((select count(*) from syncwell.sync_errors where next_retry_at <= syncwell._now()), 2::bigint, 'both errors are due');
select is_empty('select * from syncwell.claim_due_retries()', 'and none is handed out');
select is((select state from syncwell.circuits where source = 'api'), 'open', 'the circuit waits for a probe that can run');

do $$ begin
  perform syncwell.schedule_sync_retry(syncwell.create_sync_error('api', 'x', p_user_id => test.id('a_other')), '0');
end $$;
select results_eq('select source, user_id, is_probe from syncwell.claim_due_retries()', $$values ('api', test.id('a_other'), true)$$,
  'the stream of another user is the probe, though its error is due later');
select is((select state from syncwell.circuits where source = 'api'), 'half_open', 'and the circuit is half open');

-- back again
do $$ begin perform syncwell.register_stream('mail', test.id('a_member')), syncwell.register_stream('api', test.id('a_member')); end $$;
select results_eq('select source, is_probe from syncwell.claim_due_retries()', $$values ('mail', false)$$, 'registered again: its error is handed out');
do $$ begin perform set_config('syncwell.fake_now', '2026-11-21 12:05+00', true); end $$;
select results_eq($$select user_id, is_probe from syncwell.claim_due_retries() where source = 'api'$$, $$values (test.id('a_member'), true)$$, 'and may be the probe');
select is((select count(*) from syncwell.sync_errors where resolved_at is null), 3::bigint, 'retiring resolves nothing');

select * from finish();
rollback;
