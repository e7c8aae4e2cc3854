begin;
select plan(34);
set session authorization a_service;
insert into syncwell.sync_progress (sync_id, total_items, metadata) values ('a1', 10, '{"of": "a"}');
reset session authorization;
set session authorization b_service;
insert into syncwell.sync_progress (sync_id, total_items) values ('a1', 10), ('b1', 10);
reset session authorization;

-- a worker writes its own org's with plain statements
set session authorization a_member;
select lives_ok($$insert into syncwell.sync_progress (sync_id, total_items, started_at, status) values ('a2', 10, now(), 'pending')$$, 'a member inserts');
select results_eq($$select org_id, initiated_by from syncwell.sync_progress where sync_id = 'a2'$$, $$values (test.org('a'), test.id('a_member'))$$, 'for its org, by itself');
select lives_ok($$update syncwell.sync_progress set processed_count = 1, failed_count = 1, current_item = 2, total_items = 5, status = 'in_progress', entity_type = 'order',
  job_id = 'j', source_system = 's', batch_number = 1, metadata = '{}' where sync_id in ('a1', 'a2')$$, 'updates, rows of the service too');
select set_eq($$select org_id, sync_id, failed_count from syncwell.sync_progress_live$$,
  $$values (test.org('a'), 'a1', 1::bigint), (test.org('a'), 'a2', 1)$$, 'and sees its org''s and nothing else');
select lives_ok($$insert into syncwell.sync_progress (sync_id, total_items) values ('a2', 10) on conflict (org_id, sync_id) do update set processed_count = 2$$, 'upserts');
-- another org: the same refusal, whether it exists and whatever is told of it
select throws_ok($$insert into syncwell.sync_progress (org_id, sync_id) values (test.org('b'), 'x')$$, '42501', 'progress is written for one''s own org only', 'another org');
select throws_ok($$insert into syncwell.sync_progress (org_id, sync_id) values (test.org('none'), 'x')$$, '42501', 'progress is written for one''s own org only', 'an org that is not there');
select throws_ok($$insert into syncwell.sync_progress (org_id, sync_id, initiated_by, entity_type) values (test.org('b'), 'x', test.id('b_member'), 'x')$$, '42501',
  'progress is written for one''s own org only', 'nothing of it is looked at');
select throws_ok($$insert into syncwell.sync_progress (sync_id, initiated_by) values ('x', test.id('b_member'))$$, 'SW002', 'no such user', 'another org''s user');
select throws_ok($$insert into syncwell.sync_progress (sync_id, initiated_by) values ('x', test.id('none'))$$, 'SW002', 'no such user', 'a user who is not there');
select throws_ok($$insert into syncwell.sync_progress (sync_id, initiated_by) values ('x', test.id('a_admin'))$$, 'SW002', 'no such user', 'a colleague');
select throws_ok($$update syncwell.sync_progress set org_id = test.org('b')$$, '42501', null, 'a row can''t be moved to another org');
select throws_ok($$update syncwell.sync_progress set sync_id = 'x'$$, '42501', null, 'or renamed');
select throws_ok($$update syncwell.sync_progress set started_at = now()$$, '42501', null, 'started_at is not to be written');
select throws_ok($$update syncwell.sync_progress set completed_at = now()$$, '42501', null, 'nor completed_at');
select throws_ok($$update syncwell.sync_progress set ew_n = 1$$, '42501', null, 'nor what is internal');
select throws_ok($$insert into syncwell.sync_progress (sync_id, paused_seconds) values ('x', 1)$$, '42501', null, 'not on insert either');
select throws_ok($$delete from syncwell.sync_progress$$, '42501', null, 'nobody deletes');
select throws_ok($$truncate syncwell.sync_progress$$, '42501', null, 'or truncates');
select throws_ok($$select syncwell._expire_progress_task()$$, '42501', null, 'or runs a duty of maintenance');
select throws_ok($$select syncwell._set_sync_status(test.org('b'), 'b1', '{in_progress}', 'cancelled')$$, '42501', null, 'or calls what takes an org');
reset session authorization;
select set_eq($$select sync_id, status::text from syncwell.sync_progress where org_id = test.org('b')$$, $$values ('a1', 'in_progress'), ('b1', 'in_progress')$$, 'org B is as it was');

-- readers
set session authorization jwt;
set local request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000000"}';
select is_empty('select 1 from syncwell.sync_progress_live', 'a client without a user sees nothing');
select throws_ok($$update syncwell.sync_progress set processed_count = 1$$, '42501', null, 'a client writes nothing');
select throws_ok($$select syncwell.report_sync_progress('a1', 1)$$, '42501', null, 'and reports nothing');
reset session authorization;
do $$ begin perform set_config('request.jwt.claims', json_build_object('sub', test.id('a_other'))::text, true); end $$;
set session authorization jwt;
select set_eq('select sync_id from syncwell.sync_progress_live', $$values ('a1'), ('a2')$$, 'a member of the org sees the org''s');
reset session authorization;

-- nobody, and forged settings
set session authorization nobody_login;
do $$ begin perform set_config('syncwell.org_id', test.org('a')::text, true), set_config('syncwell.user_id', test.id('a_admin')::text, true); end $$;
select is_empty('select 1 from syncwell.sync_progress', 'nobody sees nothing');
select throws_ok($$insert into syncwell.sync_progress (sync_id) values ('x')$$, '42501', null, 'nobody has no org to write for');
select throws_ok($$insert into syncwell.sync_progress (org_id, sync_id) values (test.org('a'), 'x')$$, '42501', null, 'nor may name one');
select throws_ok($$select syncwell.report_sync_progress('x')$$, 'SW001', null, 'nor report');
select results_eq($$with u as (update syncwell.sync_progress set processed_count = 9 returning 1) select count(*) from u$$, 'values (0::bigint)', 'nor update');
reset session authorization;

-- a worker of org B can neither end nor pause what is org A's
set session authorization b_service;
select throws_ok($$select syncwell.cancel_sync('a2')$$, 'SW201', null, 'another org''s is unknown');
select results_eq($$select status from syncwell.report_sync_progress('a2', 3)$$, $$values ('in_progress')$$, 'the same name is another sync');
reset session authorization;
select set_eq($$select org_id, processed_count from syncwell.sync_progress where sync_id = 'a2'$$,
  $$values (test.org('a'), 2::bigint), (test.org('b'), 3::bigint)$$, 'each its own');
select * from finish();
rollback;
