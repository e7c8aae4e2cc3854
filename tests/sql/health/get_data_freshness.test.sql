begin;
select plan(9);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;
select is_empty('select * from syncwell.get_data_freshness()', 'no stream, no row');
do $$
begin
  perform syncwell.register_stream('declared', p_expected_interval => '1 hour');
  perform syncwell.register_stream('nothing');
  perform syncwell.register_stream('cron', p_cron => '0 * * * *');
  perform test.run('ran', '2026-03-10 08:00+00', 'success', p_items => 10);
end
$$;
select results_eq(
  'select source, status, last_success_at, age, expected_interval, due_at, streams, behind_streams from syncwell.get_data_freshness() order by source',
  $$values
    ('cron', 'unknown', null::timestamptz, null::interval, null::interval, '2026-03-10 09:00+00'::timestamptz, 1::bigint, 0::bigint),
    ('declared', 'unknown', null, null, '1 hour', '2026-03-10 09:00+00', 1, 0),
    ('nothing', 'unknown', null, null, null, null, 1, 0),
    ('ran', 'fresh', '2026-03-10 08:00:10+00', '0 sec', '24 hours', '2026-03-11 08:00:10+00', 1, 0)$$,
  'what never succeeded has no age; what is not due yet is unknown'
);
do $$ begin perform test.run('declared', '2026-03-10 08:30+00', 'success', p_items => 10); perform test.at('2026-03-10 10:00+00'); end $$;
select results_eq(
  'select source, status, age, expected_interval, behind_streams from syncwell.get_data_freshness()',
  $$values
    ('cron', 'late', null::interval, '1 hour'::interval, 1::bigint),
    ('declared', 'late', '01:29:50', '1 hour', 1),
    ('ran', 'fresh', '01:59:50', '24 hours', 0),
    ('nothing', 'unknown', null, null, 0)$$,
  'late ones first, by what was due first; the interval of an overdue cron is told'
);
do $$ begin perform test.at('2026-03-10 11:30:10+00'); end $$;
select results_eq(
  'select source, status from syncwell.get_data_freshness()',
  $$values ('cron', 'stale'), ('declared', 'stale'), ('ran', 'fresh'), ('nothing', 'unknown')$$,
  'stale when three were missed'
);

-- of several streams the one furthest behind speaks for the source
do $$
begin
  perform syncwell.act_as(test.id('a_other'));
  perform test.run('declared', '2026-03-10 11:31+00', 'success', p_items => 10);
  perform syncwell.act_as(test.id('a_analyst'));
end
$$;
select results_eq(
  'select source, status, streams, behind_streams from syncwell.get_data_freshness() where source = ''declared''',
  $$values ('declared', 'stale', 2::bigint, 1::bigint)$$, 'an analyst sees both, the worse one tells'
);
select is(
  (select s.user_id from syncwell.get_data_freshness() as f join syncwell.streams as s using (stream_id) where f.source = 'declared'),
  test.id('a_member'), 'and is named'
);
select is((select status from syncwell.get_data_freshness(test.id('a_other')) where source = 'declared'), 'fresh', 'for one user, his');
do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select results_eq('select source from syncwell.get_data_freshness()', $$values ('declared')$$, 'a member sees his own');
select throws_ok(format('select * from syncwell.get_data_freshness(%L)', test.id('a_member')), 'SW002', 'unknown user', 'and not another''s');

select * from finish();
rollback;
