begin;
select plan(33);
do $$ begin perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member')); end $$;
create function pg_temp.at(p_time text) returns void language sql as $$
  select set_config('syncwell.fake_now', '2026-03-01 ' || p_time || '+00', true) $$;
create function pg_temp.counts(p_sync_id text) returns table (status text, processed bigint, failed bigint, total bigint) language sql as $$
  select p.status::text, p.processed_count, p.failed_count, p.total_items from syncwell.sync_progress as p where p.sync_id = p_sync_id $$;

do $$ begin perform pg_temp.at('12:00'); end $$;
select results_eq(
  $$select status, speed_items_per_min, eta_seconds, elapsed_seconds from syncwell.report_sync_progress('r', 0, 100, 0, 1, 'order', 'shop', 'job', 2, '{"a": 1}')$$,
  $$values ('in_progress', null::numeric, null::numeric, 0::numeric)$$, 'the first report makes the row'
);
select results_eq(
  $$select org_id, current_item, entity_type::text, source_system, job_id, batch_number, metadata, initiated_by from syncwell.sync_progress where sync_id = 'r'$$,
  $$values (test.org('a'), 1::bigint, 'order', 'shop', 'job', 2, '{"a": 1}'::jsonb, test.id('a_member'))$$, 'with everything that was told'
);
do $$ begin perform pg_temp.at('12:01'); end $$;
select results_eq(
  $$select r.id = p.id, r.status, r.speed_items_per_min, r.eta_seconds, r.elapsed_seconds
    from syncwell.report_sync_progress('r', 20) as r join syncwell.sync_progress as p using (id)$$,
  $$values (true, 'in_progress', 20.000, 240.000, 60::numeric)$$, 'the next one counts'
);
select results_eq(
  $$select current_item, entity_type::text, source_system, job_id, batch_number, metadata, total_items, failed_count from syncwell.sync_progress where sync_id = 'r'$$,
  $$values (1::bigint, 'order', 'shop', 'job', 2, '{"a": 1}'::jsonb, 100::bigint, 0::bigint)$$, 'and leaves as it is what it does not tell'
);
select lives_ok($$select syncwell.report_sync_progress('r', p_entity_type => 'product', p_source_system => 'shop2', p_job_id => 'job2', p_batch_number => 3, p_metadata => '{}', p_current_item => 5)$$, 'labels');
select results_eq(
  $$select current_item, entity_type::text, source_system, job_id, batch_number, metadata, processed_count from syncwell.sync_progress where sync_id = 'r'$$,
  $$values (5::bigint, 'product', 'shop2', 'job2', 3, '{}'::jsonb, 20::bigint)$$, 'may change'
);
select throws_ok($$select syncwell.report_sync_progress('r', 19)$$, 'SW203', null, 'an old report');
select throws_ok($$select syncwell.report_sync_progress('r', 101)$$, 'SW202', null, 'beyond the total');
select throws_ok($$select syncwell.report_sync_progress('r', -1)$$, '22023', null, 'negative');
select throws_ok($$select syncwell.report_sync_progress('r', 30, p_job_id => 'j3', p_total_items => 5)$$, 'SW202', null, 'a label and a wrong count');
select is((select job_id from syncwell.sync_progress where sync_id = 'r'), 'job2', 'leave nothing behind');
select lives_ok($$select syncwell.report_sync_progress('r', 95, 100, 5, p_status => 'in_progress')$$, 'the last report');
select results_eq($$select * from pg_temp.counts('r')$$, $$values ('completed_with_errors', 95::bigint, 5::bigint, 100::bigint)$$, 'ends it');
create temp table ended as select * from syncwell.sync_progress where sync_id = 'r';
do $$ begin perform pg_temp.at('12:30'); end $$;
select results_eq(
  $$select status, eta_seconds, elapsed_seconds from syncwell.report_sync_progress('r', 95, 100, 5, p_entity_type => 'product', p_status => 'in_progress')$$,
  $$values ('completed_with_errors', 0::numeric, 60::numeric)$$, 'the last report again'
);
select lives_ok($$select syncwell.report_sync_progress('r', p_status => 'completed')$$, 'the end again');
select results_eq('select * from syncwell.sync_progress where sync_id = ''r''', 'table ended', 'changes nothing');
select throws_ok($$select syncwell.report_sync_progress('r', 94, 100, 6)$$, 'SW204', null, 'another end');
select throws_ok($$select syncwell.report_sync_progress('r', p_status => 'in_progress')$$, 'SW204', null, 'going on');
select throws_ok($$select syncwell.report_sync_progress('r', p_status => 'cancelled')$$, 'SW204', null, 'cancelling');
select lives_ok($$select syncwell.report_sync_progress('r', 0, p_failed_count => 0, p_status => 'pending')$$, 'a reset');
select results_eq($$select * from pg_temp.counts('r')$$, $$values ('pending', 0::bigint, 0::bigint, 100::bigint)$$, 'starts it over');
select results_eq($$select status from syncwell.report_sync_progress('s')$$, $$values ('pending')$$, 'nothing known but the name');
select results_eq($$select status from syncwell.report_sync_progress('t', p_status => 'failed')$$, $$values ('failed')$$, 'over before it began');

select throws_ok($$select syncwell.report_sync_progress(null)$$, '22004', 'a sync_id is needed', 'no sync_id');
select throws_ok($$select syncwell.report_sync_progress('')$$, '22023', 'a sync_id is needed', 'an empty sync_id');
select throws_ok($$select syncwell.report_sync_progress(repeat('x', 201))$$, '22001', null, 'a long sync_id');
select throws_ok($$select syncwell.report_sync_progress('u', p_status => 'done')$$, '22023', 'unknown status', 'an unknown status');
select throws_ok($$select syncwell.report_sync_progress('u', p_entity_type => 'commit')$$, 'SW205', 'unknown entity type', 'an unknown entity type');
select throws_ok($$select syncwell.report_sync_progress('u', p_entity_type => '')$$, 'SW205', null, 'an empty entity type');
select throws_ok($$select syncwell.report_sync_progress('u', p_entity_type => repeat('x', 64))$$, '22001', null, 'a long entity type');
select throws_ok($$select syncwell.report_sync_progress('u', p_job_id => repeat('x', 201))$$, '22001', null, 'a long job_id');
select is_empty($$select 1 from syncwell.sync_progress where sync_id = 'u'$$, 'what is refused writes nothing');
do $$ begin perform syncwell.unbind_login(session_user); end $$;
select throws_ok($$select syncwell.report_sync_progress('u')$$, 'SW001', null, 'nobody');
select * from finish();
rollback;
