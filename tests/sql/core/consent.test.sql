begin;
select plan(34);
select syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a'));

set session authorization a_member;
select is(syncwell.has_consent(test.id('a_member'), 'detailed_monitoring'), false, 'nobody has consented before saying so');
select is(syncwell.grant_consent('detailed_monitoring'), true, 'consent');
select is(syncwell.grant_consent('detailed_monitoring'), false, 'once is enough');
select is(syncwell.has_consent(null, 'detailed_monitoring'), true, 'it holds');
reset session authorization;
select is(syncwell._redact(test.org('a'), test.id('a_member'), 'boom'::text), 'boom', 'and details pass');
select is(syncwell._redact(test.org('a'), test.id('a_other'), 'boom'::text), null, 'of that user');
select is(syncwell._redact(test.org('b'), test.id('b_member'), 'boom'::text), 'boom', 'where consent is required');

set session authorization a_analyst;
select is(syncwell.has_consent(test.id('a_member'), 'detailed_monitoring'), true, 'analysts see it');
set session authorization a_other;
select throws_ok(format('select syncwell.has_consent(%L, ''detailed_monitoring'')', test.id('a_member')), 'SW002', null, 'other members don''t');
select results_eq('select count(*) from syncwell.consents', 'values (0::bigint)', 'nor in the table');
set session authorization b_admin;
select throws_ok(format('select syncwell.has_consent(%L, ''detailed_monitoring'')', test.id('a_member')), 'SW002', null, 'nor other orgs');
set session authorization a_service;
select is(syncwell.has_consent(null, 'detailed_monitoring'), false, 'a service has consented to nothing');
reset session authorization;

-- what is stored while it holds
set session authorization gateway;
select syncwell.act_as(test.id('a_member'));
select lives_ok(
  $$
    select syncwell.record_sync_error(e.event_id, e.lease, 'boom', 'E1', p_details => '{"a": 1}')
    from syncwell.record_sync_start('calls', p_device_id => 'phone', p_network_type => 'wifi', p_network_quality => 'good') as e
  $$, 'a run with details'
);
reset session authorization;
select is((select device_id from syncwell.sync_events), 'phone', 'is stored with them');

set session authorization a_member;
select results_eq(
  'select revoked, erased_rows, is_complete from syncwell.revoke_consent(''detailed_monitoring'')',
  -- of the run, the error and the activity log
  'values (true, 3::bigint, true)', 'revoking erases at once'
);
select is(syncwell.has_consent(null, 'detailed_monitoring'), false, 'and ends it');
select results_eq(
  'select revoked, erased_rows, is_complete from syncwell.revoke_consent(''detailed_monitoring'')',
  'values (false, 0::bigint, true)', 'once is enough'
);
reset session authorization;
select results_eq(
  'select device_id, network_type, network_quality, error_message, error_code from syncwell.sync_events',
  'values (null::text, null::text, null::text, null::text, ''E1'')', 'what is no detail stays'
);
select results_eq('select error_message, error_details from syncwell.sync_errors', 'values (null::text, null::jsonb)', 'also of the error');
select is((select consecutive_failures from syncwell.sync_state), 1, 'and numbers always work');
set session authorization a_member;
select syncwell.grant_consent('detailed_monitoring');
reset session authorization;
select is(
  array(select concat_ws(' ', granted_login, revoked_login) from syncwell.consents order by granted_at),
  '{a_member a_member,a_member}'::text[], 'all of it is kept'
);
select set_config('syncwell.fake_now', (clock_timestamp() + interval '2 hours')::text, true);
select is(syncwell._erase_unconsented_task(), 0::bigint, 'whoever consents again keeps what there is');
select is((select count(*) from syncwell.detail_erasures where user_id = test.id('a_member')), 0::bigint, 'and is done with');
select set_config('syncwell.fake_now', '', true);

set session authorization a_member;
select throws_ok('select syncwell.grant_consent(''everything'')', 'SW020', 'there is nothing of this name to consent to', 'unknown scope');
select throws_ok('select syncwell.revoke_consent(''everything'')', 'SW020', null, 'unknown scope, revoked');
select throws_ok('select syncwell.has_consent(null, ''everything'')', 'SW020', null, 'unknown scope, asked');
select throws_ok('select syncwell.grant_consent(null)', 'SW020', null, 'no scope');
set session authorization a_service;
select throws_ok('select syncwell.grant_consent(''detailed_monitoring'')', '42501', null, 'workers consent to nothing');
set session authorization gateway;
select set_config('syncwell.user_id', '', true);
select throws_ok('select syncwell.grant_consent(''detailed_monitoring'')', 'SW001', null, 'nobody consents to nothing');
select syncwell.act_as_org(test.org('a'));
select throws_ok('select syncwell.revoke_consent(''detailed_monitoring'')', '42501', 'only a user consents, and for itself', 'an org is no user');
reset session authorization;

-- where consent is not required, revoking says nothing about details
select syncwell.set_setting('consent_required', 'off', p_org_id => test.org('a'));
set session authorization gateway;
select syncwell.act_as(test.id('a_other'));
select syncwell.create_sync_error('mail', 'bang');
reset session authorization;
set session authorization a_other;
select results_eq(
  'select revoked, erased_rows, is_complete from syncwell.revoke_consent(''detailed_monitoring'')',
  'values (false, 0::bigint, true)', 'nothing to erase'
);
reset session authorization;
select is((select error_message from syncwell.sync_errors where source = 'mail'), 'bang', 'it stays');
select syncwell.set_setting('consent_required', 'on');
select is(syncwell._erase_unconsented_task() >= 0, true, 'an org''s own setting wins over one for all');
select is((select error_message from syncwell.sync_errors where source = 'mail'), 'bang', 'it stays');

select * from finish();
rollback;
