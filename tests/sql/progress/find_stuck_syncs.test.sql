begin;
select plan(8);
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('a'), null); end $$;
create function pg_temp.at(p_time text) returns void language sql as $$
  select set_config('syncwell.fake_now', '2026-03-01 ' || p_time || '+00', true) $$;
do $$ begin perform pg_temp.at('12:00'); end $$;
insert into syncwell.sync_progress (sync_id, total_items, entity_type, source_system, job_id) values ('silent', 100, 'order', 'shop', 'j');
insert into syncwell.sync_progress (sync_id, total_items) values ('busy', 100), ('paused', 100), ('ended', 100), ('resumed', 100);
insert into syncwell.sync_progress (sync_id) values ('waiting');
insert into syncwell.sync_progress (org_id, sync_id, total_items) values (test.org('b'), 'theirs', 100);
update syncwell.sync_progress set status = 'paused' where sync_id in ('paused', 'resumed');
update syncwell.sync_progress set status = 'failed' where sync_id = 'ended';
do $$ begin perform pg_temp.at('12:30'); end $$;
update syncwell.sync_progress set processed_count = 50 where sync_id = 'busy';
update syncwell.sync_progress set status = 'in_progress' where sync_id = 'resumed';
-- a report that counts nothing is silence
update syncwell.sync_progress set metadata = '{}' where sync_id = 'silent';
do $$ begin perform pg_temp.at('12:59:59'); end $$;
select is_empty($$select * from syncwell.find_stuck_syncs()$$, 'not quite an hour');
do $$ begin perform pg_temp.at('13:00'); end $$;
select results_eq(
  $$select sync_id, job_id, entity_type, source_system, initiated_by, processed_count, failed_count, total_items, percent, started_at, updated_at, silent_seconds
    from syncwell.find_stuck_syncs()$$,
  $$values ('silent', 'j', 'order', 'shop', null::uuid, 0::bigint, 0::bigint, 100::bigint, 0::numeric,
    timestamptz '2026-03-01 12:00+00', timestamptz '2026-03-01 12:30+00', 3600::numeric)$$,
  'running, and silent for an hour; its labels are no progress'
);
select set_eq($$select sync_id from syncwell.find_stuck_syncs('30 minutes')$$, $$values ('silent'), ('busy'), ('resumed')$$, 'a pause is no silence');
select is((select sync_id from syncwell.find_stuck_syncs('0') limit 1), 'silent', 'longest silence first');
select throws_ok($$select * from syncwell.find_stuck_syncs(null)$$, '22004', null, 'no duration');
select throws_ok($$select * from syncwell.find_stuck_syncs('-1 s')$$, '22023', null, 'a negative one');
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('b'), null); end $$;
select set_eq($$select sync_id from syncwell.find_stuck_syncs()$$, $$values ('theirs')$$, 'of the caller''s org only, policies or not');
do $$ begin perform syncwell.unbind_login(session_user); end $$;
select is_empty($$select * from syncwell.find_stuck_syncs('0')$$, 'nobody sees nothing');
select * from finish();
rollback;
