begin;
select plan(34);
create function pg_temp.logged(p_id uuid) returns setof text language sql as $$
  select concat_ws(' ', a.action, a.status, a.sync_id, a.entity_type, a.record_count, a.duration_seconds, a.error_message, a.created_at between now() and clock_timestamp())
  from syncwell.sync_activity_log as a where a.id = p_id $$;
create temp table made (name text, id uuid);
grant all on made to public;

set session authorization a_service;
insert into made values ('all', syncwell.log_sync_activity('batch_process', 'failed', 'orders-1', 'order', 12, 3.14159, 'no; token: abcdef', test.id('a_member')));
insert into made values ('least', syncwell.log_sync_activity('sync_start'));
reset session authorization;
set session authorization a_member;
insert into made values ('member', syncwell.log_sync_activity('manual_trigger'));
select throws_ok($$select syncwell.log_sync_activity('manual_trigger', p_user_id => test.id('a_other'))$$, 'SW002', 'unknown user', 'a member names nobody but itself');
reset session authorization;
set session authorization gateway;
select throws_ok($$select syncwell.log_sync_activity('manual_trigger')$$, 'SW001', null, 'a gateway is nobody by itself');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
insert into made values ('act_as_org', syncwell.log_sync_activity('sync_start'));
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
insert into made values ('act_as', syncwell.log_sync_activity('sync_start'));
reset session authorization;
select results_eq($$select pg_temp.logged(id) from made where name = 'all'$$, $$values ('batch_process failed orders-1 order 12 3.142 no; token: *** t')$$, 'everything told, secrets taken out, seconds to the millisecond');
select results_eq($$select pg_temp.logged(id) from made where name = 'least'$$, $$values ('sync_start completed t')$$, 'an action is enough');
select bag_eq($$select m.name, a.org_id, a.user_id from made as m join syncwell.sync_activity_log as a using (id)$$,
  $$values ('all', test.org('a'), test.id('a_member')), ('least', test.org('a'), null), ('member', test.org('a'), test.id('a_member')),
  ('act_as_org', test.org('b'), null), ('act_as', test.org('a'), test.id('a_other'))$$, 'the identity decides the org, and who');

-- every built-in action and status
select lives_ok(format('select syncwell.log_sync_activity(%L, %L)', a, s), format('%s, %s', a, s))
from unnest('{preview_delta,sync_start,sync_complete,batch_process,error_recovery,manual_trigger,scheduled_run,partial_resume}'::text[],
  '{pending,in_progress,paused,completed,completed_with_errors,failed,cancelled,timeout}'::text[]) as v (a, s)
where set_config('role', 'none', false) is not null and syncwell.bind_login(session_user, 'service', test.org('a'), null) is not null;

-- what is refused
set session authorization a_service;
select throws_ok($$select syncwell.log_sync_activity(null)$$, '22004', 'an action and a status are needed', 'no action');
select throws_ok($$select syncwell.log_sync_activity('sync_start', null)$$, '22004', 'an action and a status are needed', 'no status');
select throws_ok($$select syncwell.log_sync_activity('audit')$$, 'SW251', 'unknown action', 'an action nobody knows');
select throws_ok($$select syncwell.log_sync_activity('')$$, 'SW251', 'unknown action', 'an empty action');
select throws_ok($$select syncwell.log_sync_activity('sync_start', 'success')$$, '22023', 'unknown status', 'the status of a run');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_entity_type => 'dragon')$$, 'SW205', 'unknown entity type', 'an entity type nobody knows');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_record_count => -1)$$, '22023', 'p_record_count is negative', 'a negative count');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_duration_seconds => -0.001)$$, '22023', 'duration out of range', 'a negative duration');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_duration_seconds => 'NaN')$$, '22023', 'duration out of range', 'no number');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_duration_seconds => 'infinity')$$, '22023', 'duration out of range', 'for ever');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_sync_id => '')$$, '22023', 'an empty sync_id names no sync', 'an empty sync_id');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_sync_id => repeat('x', 201))$$, '22001', 'p_sync_id is too long', 'a long sync_id');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_error_message => repeat('x', 8193))$$, '22001', 'p_error_message is too long', 'a long message');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_user_id => test.id('b_member'))$$, 'SW002', 'unknown user', 'another org''s user');
select throws_ok($$select syncwell.log_sync_activity('sync_start', p_user_id => test.id('none'))$$, 'SW002', 'unknown user', 'nobody''s id');
reset session authorization;
set session authorization nobody_login;
select throws_ok($$select syncwell.log_sync_activity('sync_start')$$, 'SW001', null, 'a login that is nobody');
reset session authorization;
set session authorization jwt;
select throws_ok($$select syncwell.log_sync_activity('sync_start')$$, '42501', null, 'a client does not log');
reset session authorization;

-- the org's own lists
do $$ begin
  perform syncwell.set_setting('activity.actions', 'audit, purge', p_org_id => test.org('a'));
  perform syncwell.set_setting('progress.entity_types', 'dragon', p_org_id => test.org('a'));
end $$;
set session authorization a_service;
select lives_ok($$select syncwell.log_sync_activity('purge', p_entity_type => 'dragon')$$, 'actions and entity types that a setting adds');
reset session authorization;
set session authorization b_service;
select throws_ok($$select syncwell.log_sync_activity('purge')$$, 'SW251', null, 'of that org only');
reset session authorization;
select is((select count(*) from syncwell.sync_activity_log where entity_type = 'dragon'), 1::bigint, 'and they are logged');

-- consent
do $$ begin perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a')); end $$;
set session authorization a_service;
insert into made values ('user', syncwell.log_sync_activity('sync_start', 'failed', p_error_message => 'text', p_user_id => test.id('a_member')));
insert into made values ('org', syncwell.log_sync_activity('sync_start', 'failed', p_error_message => 'text'));
reset session authorization;
select bag_eq($$select m.name, a.error_message from made as m join syncwell.sync_activity_log as a using (id) where m.name in ('user', 'org')$$, $$values ('user', null), ('org', 'text')$$, 'a user''s texts only with consent');
select * from finish();
rollback;
