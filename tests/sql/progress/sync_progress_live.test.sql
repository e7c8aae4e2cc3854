begin;
select plan(27);
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('a'), null); end $$;
-- seconds after noon
create function pg_temp.at(p_seconds numeric) returns void language sql as $$
  select set_config('syncwell.fake_now', (timestamptz '2026-03-01 12:00+00' + p_seconds * interval '1 second')::text, true) $$;
create view pg_temp.shown as
select p.sync_id, p.speed_now, p.eta_now, p.eta_basis, p.stalled, p.silent_seconds, p.percent from syncwell.sync_progress_live as p;

-- 600 a minute, in steps of 10 s, up to 60 %
do $$ begin
  perform pg_temp.at(0);
  insert into syncwell.sync_progress (sync_id, total_items) values ('steady', 10000);
end $$;
select results_eq($$select * from pg_temp.shown where sync_id = 'steady'$$,
  $$values ('steady', null::numeric, null::numeric, 'none', false, 0::numeric, 0::numeric)$$, 'nothing is known yet');
do $$ begin
  for i in 1..60 loop
    perform pg_temp.at(10 * i);
    update syncwell.sync_progress set processed_count = 100 * i where sync_id = 'steady';
  end loop;
end $$;
select results_eq($$select * from pg_temp.shown where sync_id = 'steady'$$,
  $$values ('steady', 600::numeric, 400::numeric, 'blend', false, 0::numeric, 60::numeric)$$, 'at 60 %: 400 s');
do $$ begin perform pg_temp.at(605); end $$;
select results_eq($$select * from pg_temp.shown where sync_id = 'steady'$$,
  $$values ('steady', 600::numeric, 395::numeric, 'blend', false, 5::numeric, 60::numeric)$$, '5 s later: 395 s');
do $$ begin perform pg_temp.at(660); end $$;
select results_eq($$select * from pg_temp.shown where sync_id = 'steady'$$,
  $$values ('steady', 600::numeric, 390::numeric, 'blend', false, 60::numeric, 60::numeric)$$, 'counted down by one gap at most');
do $$ begin perform pg_temp.at(670); end $$;
select results_eq($$select * from pg_temp.shown where sync_id = 'steady'$$,
  $$values ('steady', 0::numeric, null::numeric, 'none', true, 70::numeric, 60::numeric)$$, '70 s later: stalled');
-- the control: what is stored knows nothing of it
do $$ begin perform pg_temp.at(90000); end $$;
select results_eq($$select speed_items_per_min, eta_seconds from syncwell.sync_progress where sync_id = 'steady'$$,
  $$values (600.000, 400.000)$$, 'the stored ETA is 400 s for ever');
select is(elapsed_now, 90000::numeric, 'how long it has been running goes on') from syncwell.sync_progress_live where sync_id = 'steady';
select is(elapsed_seconds, 600::numeric, 'what is stored does not') from syncwell.sync_progress_live where sync_id = 'steady';
select results_eq($$select stalled, silent_seconds from pg_temp.shown where sync_id = 'steady'$$, $$values (true, 89400::numeric)$$, 'a day later');
do $$ begin perform pg_temp.at(90010); update syncwell.sync_progress set processed_count = 6100 where sync_id = 'steady'; end $$;
select ok(not stalled and eta_now > 400, 'it goes on, slower than before') from pg_temp.shown where sync_id = 'steady';
select ok(ew_gap between 10 and 20, 'a day of silence counts as one minute') from syncwell.sync_progress where sync_id = 'steady';

-- a slow sync is not a stalled one: five times its usual gap
do $$ begin
  perform pg_temp.at(0);
  insert into syncwell.sync_progress (sync_id, total_items) values ('slow', 100);
  perform pg_temp.at(60); update syncwell.sync_progress set processed_count = 1 where sync_id = 'slow';
  perform pg_temp.at(120); update syncwell.sync_progress set processed_count = 2 where sync_id = 'slow';
  perform pg_temp.at(420);
end $$;
select is(stalled, false, '300 s at a gap of 60 s') from pg_temp.shown where sync_id = 'slow';
do $$ begin perform pg_temp.at(421); end $$;
select is(stalled, true, '301 s at a gap of 60 s') from pg_temp.shown where sync_id = 'slow';

-- the setting, by source
do $$ begin
  perform syncwell.set_setting('progress.stall_timeout', '10 minutes', 'shop');
  perform pg_temp.at(0);
  insert into syncwell.sync_progress (sync_id, total_items, source_system) values ('shop', 100, 'shop'), ('moved', 100, null);
  update syncwell.sync_progress set source_system = 'shop' where sync_id = 'moved';
  perform pg_temp.at(600);
end $$;
select set_eq($$select sync_id, stalled from pg_temp.shown where sync_id in ('shop', 'moved')$$, $$values ('shop', false), ('moved', false)$$, 'setting progress.stall_timeout');
do $$ begin perform pg_temp.at(601); end $$;
select set_eq($$select sync_id, stalled from pg_temp.shown where sync_id in ('shop', 'moved')$$, $$values ('shop', true), ('moved', true)$$, 'and no longer');

-- speed follows: five times slower from half way on
do $$ begin
  perform pg_temp.at(0);
  insert into syncwell.sync_progress (sync_id, total_items) values ('slower', 1200);
  for i in 1..60 loop
    perform pg_temp.at(10 * i); update syncwell.sync_progress set processed_count = 10 * i where sync_id = 'slower';
  end loop;
  for i in 1..60 loop
    perform pg_temp.at(600 + 10 * i); update syncwell.sync_progress set processed_count = 600 + 2 * i where sync_id = 'slower';
  end loop;
end $$;
-- 480 are left at 0.2 a second: 2400 s
select ok(l.eta_now > p.eta_seconds * 1.3 and l.eta_now < 2400, 'nearer to the truth than the plain formula')
from pg_temp.shown as l join syncwell.sync_progress as p using (sync_id) where sync_id = 'slower';

-- reports faster than one a second are counted together
do $$ begin
  perform pg_temp.at(0);
  insert into syncwell.sync_progress (sync_id, total_items) values ('fast', 1000);
  for i in 1..500 loop
    perform pg_temp.at(i / 100.0); update syncwell.sync_progress set processed_count = i where sync_id = 'fast';
  end loop;
end $$;
select results_eq($$select speed_now, eta_now, percent from pg_temp.shown where sync_id = 'fast'$$,
  $$values (6000::numeric, 5::numeric, 50::numeric)$$, '100 a second');
select is(ew_gap, 1::double precision, 'one sample a second') from syncwell.sync_progress where sync_id = 'fast';

-- failed items are handled too
do $$ begin
  perform pg_temp.at(0);
  insert into syncwell.sync_progress (sync_id, total_items) values ('half', 100);
  perform pg_temp.at(10); update syncwell.sync_progress set processed_count = 25, failed_count = 25 where sync_id = 'half';
end $$;
select results_eq($$select speed_now, eta_now, percent from pg_temp.shown where sync_id = 'half'$$,
  $$values (300::numeric, 10::numeric, 50::numeric)$$, 'half of it in 10 s, so 10 s are left');

-- no total: a speed, no ETA
do $$ begin
  perform pg_temp.at(0);
  insert into syncwell.sync_progress (sync_id) values ('open'), ('waiting');
  perform pg_temp.at(10); update syncwell.sync_progress set processed_count = 5 where sync_id = 'open';
end $$;
select results_eq($$select speed_now, eta_now, eta_basis, percent from pg_temp.shown where sync_id = 'open'$$,
  $$values (30::numeric, null::numeric, 'none', null::numeric)$$, 'without a total');
select results_eq($$select * from pg_temp.shown where sync_id = 'waiting'$$,
  $$values ('waiting', null::numeric, null::numeric, 'none', false, 10::numeric, null::numeric)$$, 'pending');

-- paused: the clock stands still, and the time before the pause is not forgotten
do $$ begin
  update syncwell.sync_progress set status = 'paused' where sync_id = 'half';
  perform pg_temp.at(5000);
end $$;
select results_eq($$select * from pg_temp.shown where sync_id = 'half'$$,
  $$values ('half', 0::numeric, null::numeric, 'none', false, null::numeric, 50::numeric)$$, 'paused is not stalled');
do $$ begin update syncwell.sync_progress set status = 'in_progress' where sync_id = 'half'; end $$;
select results_eq($$select * from pg_temp.shown where sync_id = 'half'$$,
  $$values ('half', 300::numeric, 10::numeric, 'blend', false, 0::numeric, 50::numeric)$$, 'resumed as it was');
do $$ begin perform pg_temp.at(5010); update syncwell.sync_progress set processed_count = 35, failed_count = 40 where sync_id = 'half'; end $$;
select ok(abs(speed_now - 221.7) < 0.5 and ew_gap = 10, 'the pause is in no gap') from syncwell.sync_progress_live where sync_id = 'half';

-- ended
do $$ begin update syncwell.sync_progress set processed_count = 60 where sync_id = 'half'; update syncwell.sync_progress set status = 'failed' where sync_id = 'fast'; end $$;
select results_eq($$select * from pg_temp.shown where sync_id in ('half', 'fast') order by 1$$,
  $$values ('fast', null::numeric, null::numeric, 'none', false, null::numeric, 50::numeric), ('half', null, 0, 'none', false, null, 100)$$, 'ended');
do $$ begin insert into syncwell.sync_progress (sync_id, total_items) values ('zero', 0); insert into syncwell.sync_progress (sync_id, status) values ('done', 'completed'); end $$;
select results_eq($$select percent, eta_now from pg_temp.shown where sync_id in ('zero', 'done')$$,
  $$values (100::numeric, 0::numeric), (100, 0)$$, 'a total of 0, and none');

-- every column of the table is there
select set_eq(
  $$select attname from pg_attribute where attrelid = 'syncwell.sync_progress'::regclass and attnum > 0 and not attisdropped
    union all select unnest('{elapsed_now,speed_now,eta_now,eta_basis,stalled,silent_seconds,percent}'::name[])$$,
  $$select attname from pg_attribute where attrelid = 'syncwell.sync_progress_live'::regclass and attnum > 0 and not attisdropped$$,
  'the columns of the table and seven more'
);
select * from finish();
rollback;
