begin;
select plan(6);
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('a'), null); end $$;
-- minutes after noon
create function pg_temp.at(p_minutes numeric) returns void language sql as $$
  select set_config('syncwell.fake_now', (timestamptz '2026-03-01 12:00+00' + p_minutes * interval '1 minute')::text, true) $$;
-- how long the recent rate remembers: the time it weighs grows to its half-life / ln 2
create view pg_temp.memory as select sync_id, round((ew_t * ln(2))::numeric) as seconds from syncwell.sync_progress;

-- 600 a minute for three hours; without a total speed_now is the recent rate alone
do $$ begin
  perform pg_temp.at(0), syncwell.report_sync_progress('long', 0);
  for i in 1..180 loop perform pg_temp.at(i), syncwell.report_sync_progress('long', 600 * i); end loop;
end $$;
select results_eq($$select speed_now, elapsed_seconds from syncwell.sync_progress_live where sync_id = 'long'$$, 'values (600.000, 10800.000000)', 'steady for three hours');
select ok((select seconds between 890 and 900 from pg_temp.memory), 'it remembers a quarter of an hour, not a quarter of three');

-- then 60 a minute
do $$ begin
  for i in 1..15 loop perform pg_temp.at(180 + i), syncwell.report_sync_progress('long', 108000 + 60 * i); end loop;
end $$;
select is(round(speed_now), 330::numeric, 'after one half-life the speed is half way from 600 to 60') from syncwell.sync_progress_live where sync_id = 'long';
do $$ begin
  for i in 16..30 loop perform pg_temp.at(180 + i), syncwell.report_sync_progress('long', 108000 + 60 * i); end loop;
end $$;
select is(round(speed_now), 195::numeric, 'after two, three quarters') from syncwell.sync_progress_live where sync_id = 'long';
select ok(speed_items_per_min > 520, 'the control: the plain average hardly moves') from syncwell.sync_progress where sync_id = 'long';

-- and not less than a minute, however short the sync is
do $$ begin
  perform pg_temp.at(0), syncwell.report_sync_progress('short', 0);
  for i in 1..12 loop perform pg_temp.at(i * 10.0 / 60), syncwell.report_sync_progress('short', 100 * i); end loop;
end $$;
select is((select seconds from pg_temp.memory where sync_id = 'short'), (60 * (1 - 0.5 ^ 2))::numeric, 'two minutes are two half-lives of one minute');

select * from finish();
rollback;
