begin;
select plan(13);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 12:30+00', 'a_member'); end $$;
select is_empty('select * from syncwell.get_sync_timeline()', 'no stream, no row');
do $$
begin
  perform test.run('calls', '2026-03-10 08:59:59.999+00', 'success');
  perform test.run('calls', '2026-03-10 09:00+00', 'success');
  perform test.run('calls', '2026-03-10 09:30+00', 'partial');
  perform test.run('calls', '2026-03-10 09:40+00', 'failed');
  perform test.run('calls', '2026-03-10 09:50+00', 'cancelled');
  perform test.run('sms', '2026-03-10 09:55+00', 'failed');
  perform test.run('calls', '2026-03-10 12:10+00', 'started');
  perform test.at('2026-03-10 12:30+00');
end
$$;
select results_eq(
  'select * from syncwell.get_sync_timeline(''calls'', 4)',
  $$values
    ('2026-03-10 09:00+00'::timestamptz, 4::bigint, 2::bigint, 1::bigint),
    ('2026-03-10 10:00+00', 0, 0, 0),
    ('2026-03-10 11:00+00', 0, 0, 0),
    ('2026-03-10 12:00+00', 1, 0, 0)$$,
  'hours without runs are rows; the first hour is whole; open and cancelled runs are neither well nor failed'
);
select is((select total from syncwell.get_sync_timeline(null, 4) limit 1), 5::bigint, 'all sources');
select is((select count(*) from syncwell.get_sync_timeline()), 24::bigint, 'a day by default');
select is((select sum(total) from syncwell.get_sync_timeline()), 7::numeric, 'with all there is');
select is_empty('select * from syncwell.get_sync_timeline(''nothing'')', 'a filter that matches nothing gives no rows');
do $$ begin perform test.at('2026-03-29 03:00+00'); end $$;
select is((select count(distinct hour) from syncwell.get_sync_timeline(null, 5)), 5::bigint, 'no hour is lost where the clock is put forward');
do $$ begin perform test.at('2026-03-10 12:30+00', 'a_other'); end $$;
select is_empty('select * from syncwell.get_sync_timeline()', 'another member sees none of it');
select throws_ok(format('select * from syncwell.get_sync_timeline(p_user_id => %L)', test.id('a_member')), 'SW002', 'unknown user', 'nor may he ask');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is((select sum(total) from syncwell.get_sync_timeline()), 7::numeric, 'an analyst sees all');
select throws_ok('select * from syncwell.get_sync_timeline(null, 0)', '22023', null, 'no hours');
select throws_ok('select * from syncwell.get_sync_timeline(null, 1001)', '22023', null, 'too many hours');
select throws_ok('select * from syncwell.get_sync_timeline(null, null)', '22004', null, 'unknown hours');

select * from finish();
rollback;
