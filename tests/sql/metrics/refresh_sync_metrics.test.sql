begin;
select plan(19);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

create temporary table asked (step text, period text, answer jsonb);

-- every period of every reader, as one document each
create function pg_temp.ask(p_step text) returns void language plpgsql as $$
begin
  delete from asked where step = p_step;
  insert into asked
  select p_step, p.period, jsonb_agg(to_jsonb(m) - 'last_updated' order by m.period_start, m.source)
  from unnest(array['hour', 'day', 'week']) as p (period)
  cross join lateral syncwell.get_sync_metrics(null, p.period, 400) as m
  group by p.period;
  insert into asked select p_step, 'timeline', jsonb_agg(to_jsonb(t) order by t.hour) from syncwell.get_sync_timeline(null, 500) as t;
  insert into asked
  select p_step, 'compared', jsonb_agg(to_jsonb(c) - 'last_success_at' order by c.source) from syncwell.compare_sources('week') as c;
end
$$;
create function pg_temp.differences(p_one text, p_other text) returns bigint language sql as $$
  select count(*)
  from (select * from asked where step = p_one) as a
  full join (select * from asked where step = p_other) as b using (period)
  where a.answer is distinct from b.answer
$$;

do $$
begin
  perform test.at('2026-03-01 00:00+00', 'a_member');
  perform syncwell.register_stream('berlin');
  perform syncwell.register_stream('kolkata', p_time_zone => 'Asia/Kolkata');
  perform syncwell.register_stream('azores', p_time_zone => 'Atlantic/Azores');
  for v_i in 1..700 loop
    perform test.run(
      (array['berlin', 'kolkata', 'azores'])[1 + v_i % 3],
      '2026-03-16 00:17+00'::timestamptz + v_i * interval '31 minutes', (array['success', 'partial', 'failed', 'cancelled'])[1 + v_i % 4],
      (v_i * 7919) % 4000, v_i
    );
  end loop;
  perform test.at('2026-03-31 12:30+00', 'a_member');
end
$$;

select ok(count(distinct (stream_id, hour)) > 300, 'what was written is marked') from syncwell.sync_metrics_dirty;
select is_empty('select from syncwell.sync_metrics', 'nothing is rolled up yet');
do $$ begin perform pg_temp.ask('raw'); end $$;
select isnt(answer, null, 'read from the runs: ' || period) from asked where period = 'hour';

select ok(syncwell.refresh_sync_metrics(100) = 100, 'a limit of hours');
do $$ begin perform pg_temp.ask('partly'); end $$;
select is(pg_temp.differences('raw', 'partly'), 0::bigint, 'partly rolled up: the same figures');

select ok(syncwell.refresh_sync_metrics() > 200, 'the rest');
select is(syncwell.refresh_sync_metrics(), 0::bigint, 'then nothing is left');
select is_empty('select from syncwell.sync_metrics_dirty', 'no mark is left');
do $$ begin perform pg_temp.ask('rolled up'); end $$;
select is(pg_temp.differences('raw', 'rolled up'), 0::bigint, 'all rolled up: the same figures, days and weeks too, over the change to summer time');
select results_eq(
  $$select s.source, m.period, sum(m.total)::integer, bool_and(c.time_zone is not null)
    from syncwell.sync_metrics as m join syncwell.streams as s using (org_id, stream_id)
    left join syncwell.sync_metrics_calendars as c using (org_id, stream_id) group by 1, 2 order by 1, 2$$,
  $$values ('azores', 'day', 233, true), ('azores', 'hour', 233, true), ('azores', 'week', 233, true),
    ('berlin', 'day', 233, true), ('berlin', 'hour', 233, true), ('berlin', 'week', 233, true), ('kolkata', 'hour', 234, false)$$,
  'hours for all, days and weeks where midnight is on a full hour'
);

-- rows that are rolled up are what is read: a falsified one shows
update syncwell.sync_metrics set total = total + 1000 where period = 'day' and source = 'berlin' and period_start = '2026-03-19 23:00+00';
select is(
  (select total_syncs from syncwell.get_sync_metrics('berlin', 'day', 30) where period_start = '2026-03-19 23:00+00') > 1000, true,
  'days are read from days'
);
-- and a mark in that day brings the truth back at once
insert into syncwell.sync_metrics_dirty select org_id, stream_id, '2026-03-20 10:00+00' from syncwell.streams where source = 'berlin';
do $$ begin perform pg_temp.ask('marked'); end $$;
select is(pg_temp.differences('raw', 'marked'), 0::bigint, 'a marked day is counted from its hours and runs');
do $$ begin perform syncwell.refresh_sync_metrics(); perform pg_temp.ask('again'); end $$;
select is(pg_temp.differences('raw', 'again'), 0::bigint, 'and right after the next refresh');

-- late rows, changes, deletions
do $$ begin
  perform test.at('2026-03-31 12:30+00', 'a_member');
  update syncwell.sync_events set duration_ms = 123456, status = 'failed' where source = 'azores' and started_at < '2026-03-17';
  delete from syncwell.sync_events where source = 'berlin' and started_at between '2026-03-18' and '2026-03-22';
  perform pg_temp.ask('changed');
end $$;
select is(pg_temp.differences('raw', 'changed') > 0, true, 'a change is seen before it is rolled up');
do $$ begin perform syncwell.refresh_sync_metrics(); perform pg_temp.ask('changed, rolled up'); end $$;
select is(pg_temp.differences('changed', 'changed, rolled up'), 0::bigint, 'and rolled up it is the same');
select is_empty(
  $$select from syncwell.sync_metrics where source = 'berlin' and period = 'hour' and period_start between '2026-03-18' and '2026-03-21 23:00+00'$$,
  'hours without runs have no row'
);

-- a heartbeat changes nothing that is counted
do $$ begin update syncwell.sync_events set heartbeat_at = started_at where source = 'azores'; end $$;
select is_empty('select from syncwell.sync_metrics_dirty', 'a heartbeat marks nothing');

-- the org moves to another time zone: its days begin elsewhere
do $$ begin
  update syncwell.orgs set time_zone = 'America/New_York' where org_id = test.org('a');
  perform pg_temp.ask('moved');
  insert into syncwell.sync_metrics_dirty select org_id, stream_id, '2026-03-30 10:00+00' from syncwell.streams where source = 'berlin';
  perform syncwell.refresh_sync_metrics();
  perform pg_temp.ask('moved, rolled up');
end $$;
select is(pg_temp.differences('moved', 'moved, rolled up'), 0::bigint, 'in another time zone: right before and after its days are made anew');

-- runs past their retention are dropped by month: what was counted stays
do $$ begin
  alter table syncwell.sync_events disable trigger mark_deleted_hours;
  delete from syncwell.sync_events where source = 'azores';
  alter table syncwell.sync_events enable trigger mark_deleted_hours;
  perform test.at('2026-07-31 12:30+00', 'a_member');
  insert into syncwell.sync_metrics_dirty
  select org_id, stream_id, period_start from syncwell.sync_metrics where source = 'azores' and period = 'hour';
  perform syncwell.refresh_sync_metrics();
end $$;
select is((select sum(total) from syncwell.sync_metrics where source = 'azores' and period = 'hour'), 233::numeric, 'hours whose runs are gone keep their figures');

select * from finish();
rollback;
