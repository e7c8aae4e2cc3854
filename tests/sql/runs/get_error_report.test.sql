begin;
select plan(19);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

create function pg_temp.fail(p_source text, p_message text, p_user text default null, p_http_status integer default null) returns uuid language sql as $$
  select e.error_id from syncwell.record_sync_start(p_source, p_user_id => case when p_user is not null then test.id(p_user) end) as r,
  syncwell.record_sync_error(r.event_id, r.lease, p_message, 'X', p_http_status) as e $$;
create temp table first as select pg_temp.fail('calls', 'try 1', 'a_member', 503) as id;
do $$ begin perform pg_temp.at('12:00:10'); end $$;
create temp table second as select pg_temp.fail('calls', 'try 2', 'a_other', 503) as id;
create temp table third as select pg_temp.fail('calls', 'try 3', 'a_other', 503) as id;
do $$ begin perform pg_temp.at('12:00:20'), pg_temp.fail('sms', 'no', 'a_member', 401), pg_temp.fail('org', 'try 4', null, 503); end $$;
do $$ begin perform syncwell.act_as_org(test.org('b')), pg_temp.fail('calls', 'try 1'), syncwell.act_as_org(test.org('a')); end $$;
do $$ begin perform pg_temp.at('12:00:11'); end $$;

select results_eq($$select * from syncwell.get_error_report('calls')$$,
  $$select id, 'HTTP_503', 'transient', 'X', 503, 'try 3', 'calls', null::uuid, 2::bigint, 3::bigint, 2, timestamptz '2026-11-21 12:00+00', timestamptz '2026-11-21 12:00:10+00',
  interval '11 s', 'fast', 'retry', timestamptz '2026-11-21 12:00:01+00', interval '0', null::timestamptz, 2::bigint, 2::bigint, 2::bigint from second$$, 'one row a kind, over all streams');
select results_eq('select source, total_errors, unresolved_errors, errors_of_type from syncwell.get_error_report() order by source',
  $$values ('calls', 4::bigint, 4::bigint, 3::bigint), ('org', 4, 4, 3), ('sms', 4, 4, 1)$$, 'the counts are of single errors');
select results_eq('select source, total_errors from syncwell.get_error_report(p_limit => 1) where source <> ''calls''', $$select source, 4::bigint from syncwell.get_error_report(p_limit => 1)$$,
  'whatever the limit; last seen first');
select is((select user_id from syncwell.get_error_report('sms')), test.id('a_member'), 'one user''s');
select results_eq($$select next_retry_at, next_retry_in, reason from syncwell.get_error_report('sms')$$, $$values (null::timestamptz, null::interval, 'needs_reauth')$$, 'no retry');
select is((select next_retry_in from syncwell.get_error_report('org')), '10 s', 'time to the next retry');

do $$ begin perform syncwell.mark_error_resolved(id) from first; end $$;
select results_eq('select streams, occurrences, total_errors, unresolved_errors, errors_of_type from syncwell.get_error_report(''calls'')',
  'values (1::bigint, 2::bigint, 2::bigint, 1::bigint, 2::bigint)', 'resolved ones are counted only');
select results_eq('select user_id, resolved_at from syncwell.get_error_report(''calls'', true)',
  $$values (test.id('a_other'), null::timestamptz), (test.id('a_member'), timestamptz '2026-11-21 12:00:11+00')$$, 'or listed after the others');
do $$ begin perform syncwell.mark_error_resolved(id) from second; end $$;
select is((select count(*) from syncwell.get_error_report('calls')), 0::bigint, 'all resolved: no rows');
select is((select count(*) from syncwell.get_error_report('none')), 0::bigint, 'nothing matches: no rows');
select results_eq('select source from syncwell.get_error_report(p_user_id => test.id(''a_member''))', $$values ('sms')$$, 'of a user');
select throws_ok('select syncwell.get_error_report(p_user_id => test.id(''b_member''))', 'SW002', null, 'of another org: unknown');
select throws_ok('select syncwell.get_error_report(p_limit => 0)', '22023', null, 'no limit');
select throws_ok('select syncwell.get_error_report(p_limit => null)', '22004', null, 'an unknown limit');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select results_eq('select source from syncwell.get_error_report()', $$values ('org')$$, 'a member: its own and the org''s');
select throws_ok('select syncwell.get_error_report(p_user_id => test.id(''a_member''))', 'SW002', null, 'nobody else''s');
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select bag_eq('select source from syncwell.get_error_report()', $$values ('org'), ('sms')$$, 'another member');
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
select is((select error_message from syncwell.get_error_report('sms')), null, 'no text without consent');
select is((select error_message from syncwell.get_error_report('org')), 'try 4', 'the org''s own needs none');

select * from finish();
rollback;
