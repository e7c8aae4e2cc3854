begin;
select plan(74);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('a'), null); end $$;
create function pg_temp.at(p_time text) returns void language sql as $$
  select set_config('syncwell.fake_now', '2026-03-01 ' || p_time || '+00', true) $$;
create function pg_temp.put(p_sync_id text, p_set text) returns void language plpgsql as $$
begin execute format('update syncwell.sync_progress set %s where sync_id = %L', p_set, p_sync_id); end $$;
create function pg_temp.row(p_sync_id text) returns syncwell.sync_progress language sql as $$
  select p from syncwell.sync_progress as p where p.sync_id = p_sync_id $$;

-- a new row
do $$ begin perform pg_temp.at('12:00'); end $$;
insert into syncwell.sync_progress (sync_id, total_items) values ('known', 100);
insert into syncwell.sync_progress (sync_id) values ('unknown');
select is((r).status::text, 'in_progress', 'a known total: in progress') from pg_temp.row('known') as r;
select is((r).status::text, 'pending', 'an unknown total: pending') from pg_temp.row('unknown') as r;
select results_eq(
  $$select org_id, processed_count, failed_count, started_at, updated_at, completed_at, elapsed_seconds, speed_items_per_min, eta_seconds, initiated_by
    from syncwell.sync_progress where sync_id = 'known'$$,
  $$values (test.org('a'), 0::bigint, 0::bigint, timestamptz '2026-03-01 12:00+00', timestamptz '2026-03-01 12:00+00', null::timestamptz,
    0.000000, null::numeric, null::numeric, null::uuid)$$,
  'what nobody gave'
);
insert into syncwell.sync_progress (sync_id, total_items, status) values ('told', 100, 'pending');
select is((pg_temp.row('told')).status::text, 'pending', 'a given status is kept');
insert into syncwell.sync_progress (sync_id, processed_count) values ('counted', 1);
select is((pg_temp.row('counted')).status::text, 'in_progress', 'something counted: in progress');
insert into syncwell.sync_progress (sync_id, total_items) values ('nothing to do', 0);
select results_eq(
  $$select status::text, completed_at, eta_seconds from syncwell.sync_progress where sync_id = 'nothing to do'$$,
  $$values ('completed', timestamptz '2026-03-01 12:00+00', 0::numeric)$$, 'a total of 0 is done at once'
);
insert into syncwell.sync_progress (sync_id, total_items, status) values ('nothing yet', 0, 'pending');
select is((pg_temp.row('nothing yet')).completed_at, null, 'but only from in_progress');
do $$ begin perform pg_temp.put('nothing yet', $s$status = 'in_progress'$s$); end $$;
select is((pg_temp.row('nothing yet')).status::text, 'completed', 'and then it is');
insert into syncwell.sync_progress (sync_id, total_items, processed_count, started_at) values ('old', 100, 50, '2026-03-01 11:50+00'), ('early', 100, 0, '2030-01-01');
select results_eq(
  $$select elapsed_seconds, speed_items_per_min, eta_seconds from syncwell.sync_progress where sync_id = 'old'$$,
  $$values (600::numeric, 5.000, 600.000)$$, 'a start in the past counts'
);
select is((pg_temp.row('early')).started_at, timestamptz '2026-03-01 12:00+00', 'a start in the future is now');
insert into syncwell.sync_progress (sync_id, status) values ('came failed', 'failed'), ('came paused', 'paused');
select isnt((pg_temp.row('came failed')).completed_at, null, 'an end on arrival');
select is((pg_temp.row('came paused')).paused_at, timestamptz '2026-03-01 12:00+00', 'a pause on arrival');

-- the plain formulas
do $$ begin perform pg_temp.at('12:02'); perform pg_temp.put('known', 'processed_count = 30, failed_count = 10, current_item = 41'); end $$;
select results_eq(
  $$select elapsed_seconds, speed_items_per_min, eta_seconds, updated_at, status::text from syncwell.sync_progress where sync_id = 'known'$$,
  $$values (120::numeric, 15.000, 240.000, timestamptz '2026-03-01 12:02+00', 'in_progress')$$,
  '30 in 120 s are 15 a minute, and 60 are left'
);
do $$ begin perform pg_temp.put('unknown', 'processed_count = 1'); end $$;
select results_eq(
  $$select status::text, speed_items_per_min, eta_seconds from syncwell.sync_progress where sync_id = 'unknown'$$,
  $$values ('in_progress', 0.500, null::numeric)$$, 'the first counted item begins it; without a total no ETA'
);
do $$ begin perform pg_temp.put('told', 'failed_count = 1'); end $$;
select results_eq($$select status::text, speed_items_per_min, eta_seconds from syncwell.sync_progress where sync_id = 'told'$$,
  $$values ('in_progress', 0.000, null::numeric)$$, 'so does a failed one; without speed no ETA');
do $$ begin perform pg_temp.put('told', 'total_items = null'); perform pg_temp.put('told', 'total_items = 2, status = null, processed_count = null'); end $$;
select results_eq($$select status::text, processed_count, total_items from syncwell.sync_progress where sync_id = 'told'$$,
  $$values ('in_progress', 0::bigint, 2::bigint)$$, 'NULL leaves status and counts; the total may be lost and found');

-- what never moves
do $$ begin perform pg_temp.put('known', format(
  'started_at = now(), completed_at = now(), sync_id = ''x'', id = gen_random_uuid(), org_id = %L', test.org('b'))); end $$;
select results_eq($$select org_id, sync_id, started_at, completed_at from syncwell.sync_progress where sync_id in ('known', 'x')$$,
  $$values (test.org('a'), 'known', timestamptz '2026-03-01 12:00+00', null::timestamptz)$$, 'what never moves, whoever writes it');

-- refused
select throws_ok($$select pg_temp.put('known', 'processed_count = 91')$$, 'SW202', 'more progress than there are items', 'beyond the total');
select throws_ok($$select pg_temp.put('known', 'current_item = 101')$$, 'SW202', null, 'the current item beyond the total');
select throws_ok($$select pg_temp.put('known', 'total_items = 39')$$, 'SW202', null, 'a total below what is counted');
select throws_ok($$insert into syncwell.sync_progress (sync_id, total_items, failed_count) values ('n', 1, 2)$$, 'SW202', null, 'beyond the total from the start');
select throws_ok($$select pg_temp.put('known', 'processed_count = 29')$$, 'SW203', 'progress went back', 'processed went back');
select throws_ok($$select pg_temp.put('known', 'failed_count = 9')$$, 'SW203', null, 'failed went back');
select throws_ok($$select pg_temp.put('known', 'failed_count = 9, processed_count = 31')$$, 'SW203', null, 'even where the other rises');
select throws_ok($$select pg_temp.put('known', 'processed_count = -1')$$, '22023', 'progress can''t be negative', 'processed below 0');
select throws_ok($$select pg_temp.put('known', 'failed_count = -9223372036854775808')$$, '22023', null, 'failed below 0');
select throws_ok($$select pg_temp.put('known', 'total_items = -1')$$, '22023', null, 'total below 0');
select throws_ok($$select pg_temp.put('unknown', 'current_item = -1')$$, '22023', null, 'current item below 0');
select throws_ok($$select pg_temp.put('known', 'batch_number = -1')$$, '22023', null, 'batch below 0');
select throws_ok($$select pg_temp.put('known', 'status = ''done''')$$, '23514', null, 'an unknown status');
select throws_ok($$insert into syncwell.sync_progress (sync_id) values ('')$$, '22023', 'a sync_id is needed', 'an empty sync_id');
select throws_ok($$insert into syncwell.sync_progress (sync_id) values (null)$$, '22004', 'a sync_id is needed', 'no sync_id');
select throws_ok($$insert into syncwell.sync_progress (sync_id) values (repeat('x', 201))$$, '22001', null, 'a long sync_id');
select throws_ok($$insert into syncwell.sync_progress (sync_id, job_id) values ('n', repeat('x', 201))$$, '22001', null, 'a long job_id');
select throws_ok($$select pg_temp.put('known', 'source_system = repeat(''x'', 201)')$$, '22001', null, 'a long source');
select throws_ok($$select pg_temp.put('known', 'metadata = to_jsonb(repeat(''x'', 65536))')$$, '22001', 'metadata is too long', 'long metadata');
select throws_ok($$insert into syncwell.sync_progress (sync_id, started_at) values ('n', '-infinity')$$, '22023', null, 'an infinite start');
select throws_ok($$insert into syncwell.sync_progress (sync_id, started_at) values ('n', '4713-01-01 BC')$$, '22023', null, 'a start before Christ, which no client can read');
select throws_ok($$insert into syncwell.sync_progress (sync_id, org_id) values ('n', test.org('none'))$$, 'SW003', 'unknown org', 'an unknown org');
select throws_ok($$insert into syncwell.sync_progress (sync_id, initiated_by) values ('n', test.id('b_member'))$$, 'SW002', 'no such user', 'a user of another org');
select lives_ok($$insert into syncwell.sync_progress (sync_id, processed_count, failed_count) values ('huge', 9223372036854775807, 9223372036854775807)$$, 'the largest counts');
select lives_ok($$select pg_temp.put('known', 'metadata = to_jsonb(repeat(''x'', 65534))')$$, 'the longest metadata');

-- entity types
select lives_ok($$insert into syncwell.sync_progress (sync_id, entity_type)
  select 'entity ' || e, e from unnest('{customer,product,order,invoice,supplier,inventory,category,attribute}'::text[]) as e$$, 'the built-in entity types');
select throws_ok($$insert into syncwell.sync_progress (sync_id, entity_type) values ('n', 'commit')$$, 'SW205', 'unknown entity type', 'another is refused');
select throws_ok($$select pg_temp.put('known', 'entity_type = ''''')$$, '23514', null, 'an empty one too');
do $$ begin perform syncwell.set_setting('progress.entity_types', 'commit, branch'); end $$;
select lives_ok($$insert into syncwell.sync_progress (sync_id, entity_type) values ('git', 'commit')$$, 'a setting adds it');
select throws_ok($$select pg_temp.put('known', 'entity_type = ''commits''')$$, 'SW205', null, 'only what it names');
do $$ begin perform syncwell.set_setting('progress.entity_types', null); end $$;
select lives_ok($$select pg_temp.put('git', 'processed_count = 1, entity_type = ''commit''')$$, 'what is there is not asked again');

-- the end
do $$ begin perform pg_temp.at('12:04'); perform pg_temp.put('known', 'processed_count = 90, current_item = 100'); end $$;
select results_eq(
  $$select status::text, completed_at, elapsed_seconds, speed_items_per_min, eta_seconds from syncwell.sync_progress where sync_id = 'known'$$,
  $$values ('completed_with_errors', timestamptz '2026-03-01 12:04+00', 240::numeric, 22.500, 0::numeric)$$, 'all counted, some failed'
);
do $$ begin perform pg_temp.at('12:10'); end $$;
create temp table ended as select * from syncwell.sync_progress where sync_id = 'known';
select lives_ok($$select pg_temp.put('known', 'processed_count = 90, failed_count = 10, total_items = 100, current_item = 100')$$, 'the same report again');
select lives_ok($$select pg_temp.put('known', 'status = ''completed''')$$, 'completed, though items failed, is completed_with_errors');
select results_eq('select * from syncwell.sync_progress where sync_id = ''known''', 'table ended', 'changes nothing');
select throws_ok($$select pg_temp.put('known', 'processed_count = 89')$$, 'SW204', 'the sync has ended', 'other counts are refused');
select throws_ok($$select pg_temp.put('known', 'total_items = 200')$$, 'SW204', null, 'another total');
select throws_ok($$select pg_temp.put('known', 'current_item = 1')$$, 'SW204', null, 'another current item');
select throws_ok($$select pg_temp.put('known', 'status = ''in_progress''')$$, 'SW204', null, 'going on');
select throws_ok($$select pg_temp.put('known', 'status = ''failed''')$$, 'SW204', null, 'another end');
do $$ begin perform pg_temp.put('known', 'job_id = ''j1'''); end $$;
select results_eq($$select job_id, updated_at, completed_at, elapsed_seconds from syncwell.sync_progress where sync_id = 'known'$$,
  $$values ('j1', timestamptz '2026-03-01 12:10+00', timestamptz '2026-03-01 12:04+00', 240::numeric)$$, 'labels may still be set');
insert into syncwell.sync_progress (sync_id, total_items)
select 'end ' || s, 10 from unnest('{completed,completed_with_errors,failed,cancelled,timeout}'::text[]) as s;
update syncwell.sync_progress set status = substr(sync_id, 5) where sync_id like 'end %';
select results_eq(
  $$select status::text, completed_at, eta_seconds from syncwell.sync_progress where sync_id like 'end %' order by 1$$,
  $$select s, timestamptz '2026-03-01 12:10+00', case when s like 'completed%' then 0::numeric end
    from unnest('{cancelled,completed,completed_with_errors,failed,timeout}'::text[]) as s$$,
  'every explicit end has its time, and no ETA where it is undone'
);

-- reset
do $$ begin perform pg_temp.put('known', 'status = ''pending'', processed_count = 0, failed_count = 0, current_item = null'); end $$;
select results_eq(
  $$select status::text, completed_at, started_at, elapsed_seconds, speed_items_per_min, eta_seconds from syncwell.sync_progress where sync_id = 'known'$$,
  $$values ('pending', null::timestamptz, timestamptz '2026-03-01 12:00+00', 0::numeric, null::numeric, null::numeric)$$, 'a reset starts over; started_at stays'
);
do $$ begin perform pg_temp.at('12:11'); perform pg_temp.put('known', 'processed_count = 10'); end $$;
select results_eq($$select status::text, elapsed_seconds, speed_items_per_min, eta_seconds from syncwell.sync_progress where sync_id = 'known'$$,
  $$values ('in_progress', 60::numeric, 10.000, 540.000)$$, 'time counts from the reset');
do $$ begin perform pg_temp.put('known', 'status = ''pending'', processed_count = 5'); end $$;
select is((pg_temp.row('known')).status::text, 'pending', 'a reset may keep some');
do $$ begin perform pg_temp.put('known', 'processed_count = 4'); end $$;
select is((pg_temp.row('known')).processed_count, 4::bigint, 'before it has begun its counts may be set right');
do $$ begin perform pg_temp.put('known', 'processed_count = 6, total_items = 6'); end $$;
select is((pg_temp.row('known')).status::text, 'completed', 'the first item may be the last');

-- pause: it counts into nothing
do $$ begin perform pg_temp.at('13:00'); end $$;
insert into syncwell.sync_progress (sync_id, total_items) values ('p', 100);
do $$ begin
  perform pg_temp.at('13:01'); perform pg_temp.put('p', 'processed_count = 10');
  perform pg_temp.put('p', 'status = ''paused''');
  perform pg_temp.at('13:31'); perform pg_temp.put('p', 'processed_count = 12');
end $$;
select results_eq($$select status::text, elapsed_seconds, speed_items_per_min, eta_seconds from syncwell.sync_progress where sync_id = 'p'$$,
  $$values ('paused', 60::numeric, 12.000, 440.000)$$, 'what was under way is counted, time stands still');
do $$ begin perform pg_temp.put('p', 'status = ''in_progress'''); perform pg_temp.at('13:32'); perform pg_temp.put('p', 'processed_count = 24'); end $$;
select results_eq($$select status::text, elapsed_seconds, speed_items_per_min, paused_seconds, paused_at from syncwell.sync_progress where sync_id = 'p'$$,
  $$values ('in_progress', 120::numeric, 12.000, 1800::numeric, null::timestamptz)$$, 'the pause does not count');
do $$ begin perform pg_temp.put('p', 'status = ''paused'''); perform pg_temp.put('p', 'processed_count = 100'); end $$;
select is((pg_temp.row('p')).completed_at, null, 'paused and all counted: not ended');
do $$ begin perform pg_temp.at('14:00'); perform pg_temp.put('p', 'status = ''in_progress'''); end $$;
select results_eq($$select status::text, elapsed_seconds, completed_at from syncwell.sync_progress where sync_id = 'p'$$,
  $$values ('completed', 120::numeric, timestamptz '2026-03-01 14:00+00')$$, 'but when resumed');
insert into syncwell.sync_progress (sync_id, status) values ('q', 'paused');
do $$ begin perform pg_temp.at('15:00'); perform pg_temp.put('q', 'status = ''cancelled'''); end $$;
select is((pg_temp.row('q')).elapsed_seconds, 0::numeric, 'cancelled while paused');

-- the clock goes back, and a very long silence
do $$ begin perform pg_temp.at('09:00'); end $$;
insert into syncwell.sync_progress (sync_id) values ('clock');
do $$ begin perform pg_temp.at('08:00'); perform pg_temp.put('clock', 'processed_count = 1'); end $$;
select is((pg_temp.row('clock')).elapsed_seconds, 0::numeric, 'a clock that goes back gives no negative time');
do $$ begin perform set_config('syncwell.fake_now', '2126-03-01', true); end $$;
select lives_ok($$select pg_temp.put('clock', 'processed_count = 2')$$, 'a hundred years between two reports');

-- the domains
select lives_ok($$select 'custom'::syncwell.sync_type, 'sync_start'::syncwell.sync_action, 'order'::syncwell.sync_entity_type, 'paused'::syncwell.sync_status_type$$, 'casts work');
select throws_ok($$select ''::syncwell.sync_type$$, '23514', null, 'an empty sync_type');
select throws_ok($$select ''::syncwell.sync_action$$, '23514', null, 'an empty sync_action');
select * from finish();
rollback;
