begin;
select plan(32);
set local syncwell.fake_now = '2026-03-10 12:00+00';
do $$ begin perform syncwell.ensure_activity_partitions(0); end $$;
insert into syncwell.sync_activity_log (org_id, created_at, action, status, user_id, error_message) values
(test.org('a'), '2026-03-10 12:00+00', 'sync_start', 'failed', test.id('a_other'), 'text'), (test.org('b'), '2026-03-10 12:00+00', 'sync_start', 'failed', null, 'text'),
(test.org('b'), '2031-03-10 12:00+00', 'sync_start', 'completed', null, null);

set session authorization a_member;
select results_eq('select org_id, user_id from syncwell.sync_activity_log', $$values (test.org('a'), test.id('a_other'))$$, 'a member sees all of its org and nothing else');
select throws_ok('select error_message from syncwell.sync_activity_log', '42501', null, 'but no texts of errors');
select throws_ok('select * from syncwell.sync_activity_log', '42501', null, 'nor all columns');
select throws_ok($$insert into syncwell.sync_activity_log (org_id, created_at, action, status) values (test.org('a'), now(), 'sync_start', 'failed')$$, '42501', null, 'writes nothing');
select throws_ok('update syncwell.sync_activity_log set user_id = null', '42501', null, 'changes nothing');
select throws_ok('delete from syncwell.sync_activity_log', '42501', null, 'deletes nothing');
select throws_ok('truncate syncwell.sync_activity_log', '42501', null, 'truncates nothing');
select throws_ok('select org_id from syncwell.sync_activity_log_2026_03', '42501', null, 'and reads no partition');
select throws_ok('select org_id from syncwell.sync_activity_log_default', '42501', null, 'nor the default one');
select throws_ok($$select syncwell._log_activity(test.org('a'), null, 'sync_start', 'failed')$$, '42501', null, 'nor calls what takes an org');
reset session authorization;
set session authorization a_service;
select throws_ok('delete from syncwell.sync_activity_log', '42501', null, 'a service deletes nothing');
select throws_ok($$insert into syncwell.sync_activity_log_default (org_id, created_at, action, status) values (test.org('a'), now(), 'sync_start', 'failed')$$, '42501', null, 'nor writes to a partition');
reset session authorization;
set session authorization operator;
select throws_ok('delete from syncwell.sync_activity_log', '42501', null, 'an operator neither');
select is_empty('select org_id from syncwell.sync_activity_log', 'and has no org to see');
reset session authorization;
set session authorization nobody_login;
select is_empty('select org_id from syncwell.sync_activity_log', 'nobody sees nothing');
select throws_ok('select * from syncwell.get_sync_activity()', 'SW001', null, 'nor asks');
reset session authorization;
set session authorization jwt;
select is_empty('select org_id from syncwell.sync_activity_log', 'a client without a user neither');
reset session authorization;
do $$ begin perform set_config('request.jwt.claims', json_build_object('sub', test.id('b_member'))::text, true); end $$;
set session authorization jwt;
select is((select count(*) from syncwell.sync_activity_log), 2::bigint, 'with one it sees its org');
reset session authorization;

-- partitions are closed even for who is granted them by mistake
do $$ begin execute format('grant select on syncwell.sync_activity_log_2026_03 to a_member'); end $$;
set session authorization a_member;
select is_empty('select org_id from syncwell.sync_activity_log_2026_03', 'a partition has row-level security of its own');
reset session authorization;
select is((select bool_and(c.relrowsecurity) from pg_inherits as i join pg_class as c on c.oid = i.inhrelid where i.inhparent = 'syncwell.sync_activity_log'::regclass), true, 'every one of them');

-- not even the owner changes an entry; only a person or a text can be taken out
select throws_ok(format('update syncwell.sync_activity_log set %s', s), '42501', 'the activity log is append-only', s)
from unnest(array[$$action = 'purge'$$, $$created_at = now()$$, 'record_count = 1', $$user_id = test.id('a_member')$$, $$error_message = 'other'$$, $$user_id = null, status = 'completed'$$]) as s;
select lives_ok('update syncwell.sync_activity_log set error_message = null where org_id = test.org(''b'')', 'a text is taken out');
select lives_ok('update syncwell.sync_activity_log set user_id = null', 'a person is');
select is((select count(*) from syncwell.sync_activity_log where coalesce(user_id::text, error_message) is not null), 0::bigint, 'and the text with the person');
select results_eq($$select user_column, on_erase from syncwell.personal_data where table_name = 'sync_activity_log'$$, $$values ('user_id', 'anonymise')$$, 'which erasing does');
select results_eq($$select column_name, on_revoke from syncwell.personal_details where table_name = 'sync_activity_log'$$, $$values ('error_message', 'clear')$$, 'and the end of consent');
select lives_ok('delete from syncwell.sync_activity_log where org_id = test.org(''b'')', 'maintenance deletes');
select * from finish();
rollback;
