begin;
select plan(14);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 12:30+00', 'a_member'); end $$;
select is_empty('select * from syncwell.analyze_sync_performance()', 'no stream, no row');
do $$ begin perform syncwell.register_stream('idle'); end $$;
select results_eq(
  'select dimension, value, sample_size, min_duration_ms, median_duration_ms, total_items, average_items from syncwell.analyze_sync_performance()',
  $$values ('overall', null::text, 0::bigint, null::bigint, null::double precision, null::numeric, null::double precision)$$,
  'nothing ran: all is unknown'
);
do $$
begin
  perform test.run('calls', '2026-03-10 08:00+00', 'success', 1, 10, 'full', 'android', 'wifi');
  perform test.run('calls', '2026-03-10 08:10+00', 'success', 2, 20, 'incremental', 'android', 'cellular');
  perform test.run('calls', '2026-03-10 08:20+00', 'failed', 3, null, 'incremental', 'ios', 'wifi');
  perform test.run('calls', '2026-03-10 08:30+00', 'partial', 6, 60);
  perform test.run('calls', '2026-03-10 08:40+00', 'cancelled', 100);
  perform test.run('calls', '2026-03-10 08:50+00', 'started');
end
$$;
select results_eq(
  'select * from syncwell.analyze_sync_performance(''calls'')',
  $$values
    ('overall', null::text, 4::bigint, 1000::bigint, 6000::bigint, 3000::double precision, 2500::double precision, 5550::double precision, 90::numeric, 30::double precision),
    ('type', 'incremental', 3, 2000, 6000, 11000 / 3.0::double precision, 3000, 5700, 80, 40),
    ('type', 'full', 1, 1000, 1000, 1000, 1000, 1000, 10, 10),
    ('platform', 'android', 3, 1000, 6000, 3000, 2000, 5600, 90, 30),
    ('platform', 'ios', 1, 3000, 3000, 3000, 3000, 3000, null, null),
    ('network', 'wifi', 2, 1000, 3000, 2000, 2000, 2900, 10, 10),
    ('network', 'cellular', 1, 2000, 2000, 2000, 2000, 2000, 20, 20),
    ('network', null, 1, 6000, 6000, 6000, 6000, 6000, 60, 60)$$,
  'overall, by type, platform and network; what is not known is a group of its own (a run without a platform has its stream''s); open and cancelled runs are left out'
);
select results_eq(
  'select sample_size, min_duration_ms from syncwell.analyze_sync_performance(''calls'', 2) where dimension = ''overall''',
  $$values (2::bigint, 3000::bigint)$$, 'the sample is the newest'
);
do $$ begin perform test.run('sms', '2026-03-10 09:00+00', 'success', 60); end $$;
select results_eq(
  'select sample_size, max_duration_ms from syncwell.analyze_sync_performance(null, 2) where dimension = ''overall''',
  $$values (2::bigint, 60000::bigint)$$, 'the newest of all sources together'
);
select is_empty('select * from syncwell.analyze_sync_performance(''nothing'')', 'a filter that matches nothing gives no rows');

do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select is_empty('select * from syncwell.analyze_sync_performance()', 'another member sees none of it');
select throws_ok(format('select * from syncwell.analyze_sync_performance(p_user_id => %L)', test.id('a_member')), 'SW002', 'unknown user', 'nor may he ask');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is((select sample_size from syncwell.analyze_sync_performance('calls', 1000, test.id('a_member')) limit 1), 4::bigint, 'an analyst may');

-- many streams are read another way, with the same answer
do $$
begin
  insert into syncwell.users (org_id, user_id, role) select test.org('a'), gen_random_uuid(), 'member' from generate_series(1, 101);
  insert into syncwell.streams (org_id, user_id, source) select u.org_id, u.user_id, 'many' from syncwell.users as u where u.org_id = test.org('a');
end
$$;
select results_eq(
  'select sample_size, min_duration_ms, max_duration_ms from syncwell.analyze_sync_performance(null, 3) where dimension = ''overall''',
  $$values (3::bigint, 3000::bigint, 60000::bigint)$$, 'the newest three of more than a hundred streams'
);
select is((select sample_size from syncwell.analyze_sync_performance('many') where dimension = 'overall'), 0::bigint, 'and of the source asked for only');
select throws_ok('select * from syncwell.analyze_sync_performance(null, 0)', '22023', null, 'no sample');
select throws_ok('select * from syncwell.analyze_sync_performance(null, 1001)', '22023', null, 'too large a sample');
select throws_ok('select * from syncwell.analyze_sync_performance(null, null)', '22004', null, 'an unknown sample');

select * from finish();
rollback;
