begin;
select plan(16);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create temp table made as select syncwell.create_sync_error('hooks', 'password=abc in payload 1', 'BAD', 422, '{"n": 1}') as id;
select results_eq(
  'select user_id, source, event_id, error_type, error_class, error_code, http_status, error_message, error_details, retry_count, next_retry_at, lane, reason, occurrences from syncwell.sync_errors join made using (id)',
  $$values (null::uuid, 'hooks', null::uuid, 'HTTP_422', 'permanent', 'BAD', 422, 'password=*** in payload 1', '{"n": 1}'::jsonb, 0, null::timestamptz, 'none', null::text, 1::bigint)$$,
  'the error, not to be retried'
);
select results_eq('select consecutive_failures, is_healthy, total_runs, last_failed_sync from syncwell.sync_state',
  'values (0, true, 0::bigint, null::timestamptz)', 'makes the stream and leaves its health alone');
do $$ begin perform pg_temp.at('12:01'); end $$;
select is(syncwell.create_sync_error('hooks', 'password=xyz in payload 2', 'BAD', 422), (select id from made), 'again: the same row');
select results_eq('select occurrences, first_seen, last_seen, error_details from syncwell.sync_errors',
  $$values (2::bigint, timestamptz '2026-11-21 12:00+00', timestamptz '2026-11-21 12:01+00', '{"n": 1}'::jsonb)$$, 'counted');
select isnt(syncwell.create_sync_error('hooks', 'password=xyz in payload 2', 'BAD', 422, null, test.id('a_member')), (select id from made), 'a user''s is another');
do $$ begin perform syncwell.record_sync_complete(r.event_id, r.lease) from syncwell.record_sync_start('hooks') as r; end $$;
select is((select resolved_at from syncwell.sync_errors join made using (id)), null, 'a success does not resolve it');
do $$ begin
  perform syncwell.record_sync_error(r.event_id, r.lease, 'password=xyz in payload 3', 'BAD', 422) from syncwell.record_sync_start('hooks') as r;
  perform syncwell.create_sync_error('hooks', 'password=xyz in payload 2', 'BAD', 422);
  perform syncwell.record_sync_complete(r.event_id, r.lease) from syncwell.record_sync_start('hooks') as r;
end $$;
select isnt((select resolved_at from syncwell.sync_errors join made using (id)), null, 'unless a run has met it');
select isnt(syncwell.create_sync_error('hooks', 'password=xyz in payload 2', 'BAD', 422), (select id from made), 'after that it is a new one');
create temp table before as select count(*) as n from syncwell.sync_errors;
select throws_ok($$select syncwell.create_sync_error(null, 'x')$$, '22004', null, 'no source');
select throws_ok($$select syncwell.create_sync_error('new', null)$$, '22004', null, 'no message');
select throws_ok($$select syncwell.create_sync_error('new', repeat('x', 8193))$$, '22001', null, 'too long');
select throws_ok($$select syncwell.create_sync_error('new', 'x', null, 1)$$, '22023', null, 'no status');
select throws_ok($$select syncwell.create_sync_error('new', 'x', p_user_id => test.id('b_member'))$$, 'SW002', null, 'a user of another org');
select is((select count(*) from syncwell.sync_errors), (select n from before), 'refusals write nothing');
select is((select count(*) from syncwell.streams where source = 'new'), 0::bigint, 'no stream either');
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
create temp table secret as select syncwell.create_sync_error('hooks', 'private', null, null, '{"a": 1}', test.id('a_other')) as id;
select results_eq('select error_message, error_details from syncwell.sync_errors join secret using (id)', 'values (null::text, null::jsonb)', 'no details without consent');

select * from finish();
rollback;
