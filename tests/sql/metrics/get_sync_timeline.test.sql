begin;
select plan(13);

create function pg_temp.at(p_time timestamptz, p_user text default null)
returns void
language sql
as $$
  select set_config('syncwell.fake_now', p_time::text, true);
  select syncwell.act_as(test.id(p_user)) where p_user is not null;
$$;
create function pg_temp.run(
  p_source text,
  p_at timestamptz,
  p_outcome text,
  p_seconds integer default 10,
  p_items bigint default null,
  p_type text default 'incremental',
  p_platform text default null,
  p_network text default null
)
returns void
language plpgsql
as $$
declare
  v_run record;
begin
  perform pg_temp.at(p_at);
  v_run := syncwell.record_sync_start(
    p_source => p_source, p_sync_type => p_type, p_platform => p_platform, p_network_type => p_network
  );
  perform pg_temp.at(p_at + make_interval(secs => p_seconds));
  case p_outcome
    when 'started' then null;
    when 'failed' then perform syncwell.record_sync_error(v_run.event_id, v_run.lease, 'no answer', 'ETIMEDOUT', p_items_processed => p_items);
    when 'cancelled' then perform syncwell.cancel_sync_run(v_run.event_id);
    else
      perform syncwell.record_sync_complete(
        v_run.event_id, v_run.lease, p_items, p_items_failed => case p_outcome when 'partial' then 1 end
      );
  end case;
end
$$;
do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform pg_temp.at('2026-03-10 12:30+00', 'a_member'); end $$;
select is_empty('select * from syncwell.get_sync_timeline()', 'no stream, no row');
do $$
begin
  perform pg_temp.run('calls', '2026-03-10 08:59:59.999+00', 'success');
  perform pg_temp.run('calls', '2026-03-10 09:00+00', 'success');
  perform pg_temp.run('calls', '2026-03-10 09:30+00', 'partial');
  perform pg_temp.run('calls', '2026-03-10 09:40+00', 'failed');
  perform pg_temp.run('calls', '2026-03-10 09:50+00', 'cancelled');
  perform pg_temp.run('sms', '2026-03-10 09:55+00', 'failed');
  perform pg_temp.run('calls', '2026-03-10 12:10+00', 'started');
  perform pg_temp.at('2026-03-10 12:30+00');
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
do $$ begin perform pg_temp.at('2026-03-29 03:00+00'); end $$;
select is((select count(distinct hour) from syncwell.get_sync_timeline(null, 5)), 5::bigint, 'no hour is lost where the clock is put forward');
do $$ begin perform pg_temp.at('2026-03-10 12:30+00', 'a_other'); end $$;
select is_empty('select * from syncwell.get_sync_timeline()', 'another member sees none of it');
select throws_ok(format('select * from syncwell.get_sync_timeline(p_user_id => %L)', test.id('a_member')), 'SW002', 'unknown user', 'nor may he ask');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is((select sum(total) from syncwell.get_sync_timeline()), 7::numeric, 'an analyst sees all');
select throws_ok('select * from syncwell.get_sync_timeline(null, 0)', '22023', null, 'no hours');
select throws_ok('select * from syncwell.get_sync_timeline(null, 1001)', '22023', null, 'too many hours');
select throws_ok('select * from syncwell.get_sync_timeline(null, null)', '22004', null, 'unknown hours');

select * from finish();
rollback;
