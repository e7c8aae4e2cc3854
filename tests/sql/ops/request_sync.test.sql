-- When a device may sync, for each reason and against it.
begin;
select plan(83);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
do $$ begin perform syncwell.set_setting('retry.jitter', 'none', p_org_id => test.org('a')); end $$;
create temporary table turn (request_id uuid);
-- asks so many seconds after noon: what is said, with the milliseconds to wait
create function pg_temp.ask(
  p_seconds numeric,
  p_reason text,
  p_device_id text default 'phone',
  p_source text default 'app',
  p_network text default null,
  p_metered boolean default null,
  p_battery numeric default null,
  p_user_id uuid default null
)
returns text
language plpgsql
as $$
declare
  v_turn record;
begin
  perform test.at('2026-03-10 12:00+00'::timestamptz + p_seconds * interval '1 second');
  v_turn := syncwell.request_sync(
    p_source, p_reason, p_device_id, p_network, p_metered, p_battery, p_user_id
  );
  if (v_turn.allowed, v_turn.why = 'allowed', v_turn.request_id is not null, coalesce(v_turn.wait_ms = 0, false))
    not in ((true, true, true, true), (false, false, false, false))
  then
    return format('contradicts itself: %s', v_turn);
  end if;
  if v_turn.allowed then
    delete from turn;
    insert into turn values (v_turn.request_id);
    return 'allowed';
  end if;
  return concat_ws(' ', v_turn.why, v_turn.wait_ms);
end
$$;
create function pg_temp.done(p_seconds numeric, p_succeeded boolean default true)
returns boolean
language plpgsql
as $$
begin
  perform test.at('2026-03-10 12:00+00'::timestamptz + p_seconds * interval '1 second');
  return (select syncwell.finish_sync(t.request_id, p_succeeded) from turn as t);
end
$$;
-- a sync that is over at once
create function pg_temp.synced(p_seconds numeric, p_reason text default 'manual', p_device_id text default 'phone')
returns text
language sql
as $$
  select case v.answer when 'allowed' then pg_temp.done(p_seconds)::text else v.answer end
  from (select pg_temp.ask(p_seconds, p_reason, p_device_id) as answer offset 0) as v;
$$;
create function pg_temp.fail(p_seconds integer, p_source text default 'app')
returns void
language sql
as $$
  select test.run(p_source, '2026-03-10 12:00+00'::timestamptz + make_interval(secs => p_seconds - 10), 'failed');
$$;
do $$ begin perform test.at('2026-03-10 12:00+00', 'a_member'); end $$;

-- the first time, and debounce
select is(pg_temp.ask(0, 'initialization'), 'allowed', 'who never synced may');
select ok(pg_temp.done(1), 'and is done');
select is(pg_temp.done(1), false, 'once');
select is(pg_temp.ask(1, v.reason), 'debounce 4000', format('%s: not within five seconds', v.reason))
from (values ('initialization'), ('foreground'), ('reconnect'), ('save'), ('push')) as v (reason);
select is(pg_temp.ask(4.9995, 'save'), 'debounce 1', 'what is left of a millisecond is waited for');
select is(pg_temp.synced(5, 'save'), 'true', 'but after them');
select is(pg_temp.ask(5.1, 'foreground'), 'debounce 4900', 'from the last one on, whatever it was for');
select is(pg_temp.ask(9.9, 'foreground', p_battery => 19.9), 'debounce 15100', 'with a low battery later');
select is(pg_temp.ask(10, 'foreground', p_battery => 20), 'allowed', 'which is not low at the bound');
do $$ begin perform pg_temp.done(10); end $$;

-- manual and the end of a session
select is(pg_temp.synced(10, 'manual'), 'true', 'the user is not made to wait');
select is(pg_temp.synced(10, 'session_end'), 'true', 'nor the end of a session');
select is(pg_temp.synced(10, 'manual'), 'true', 'however often');

-- sessions
select is(pg_temp.ask(10, 'session'), 'not_due 30000', 'a session: every 30 seconds');
select is(pg_temp.ask(39, 'session', p_battery => 1, p_metered => true), 'not_due 1000', 'on battery and money alike');
select is(pg_temp.synced(40, 'session'), 'true', 'which are over');

-- one at a time
select is(pg_temp.ask(100, 'manual'), 'allowed', 'a sync begins');
select is(pg_temp.ask(101, v.reason), 'already_syncing 5000', format('%s waits for it', v.reason))
from (values ('manual'), ('save'), ('session_end')) as v (reason);
select is(pg_temp.ask(101, 'manual', p_source => 'other'), 'already_syncing 5000', 'with every source of the device');
select is(pg_temp.ask(101, 'periodic'), 'not_due 899000', 'what takes longest is told');
select is(pg_temp.ask(399.999, 'manual'), 'already_syncing 5000', 'for five minutes');
create temporary table dead as select t.request_id from turn as t;
select is(pg_temp.ask(400, 'manual'), 'allowed', 'then it is taken for dead');
select is((select syncwell.finish_sync(d.request_id) from dead as d), false, 'and ends nobody else''s turn');
select is(pg_temp.ask(401, 'manual'), 'already_syncing 5000', 'which is held on to');
select is(pg_temp.ask(401, 'manual', p_device_id => 'tablet'), 'allowed', 'another device is not in the way');
select ok(pg_temp.done(402), 'nor is what it ends');
select is(pg_temp.ask(403, 'manual'), 'already_syncing 5000', 'of use to the first');
select is(pg_temp.ask(403, 'manual', p_device_id => null), 'allowed', 'a device without a name is one');
select is(pg_temp.ask(403, 'manual', p_device_id => ''), 'already_syncing 5000', 'by the name of nothing too');
select is(pg_temp.ask(403, 'manual', p_device_id => null, p_source => 'other'), 'allowed', 'of its source');
do $$ begin perform test.at('2026-03-10 12:06:43+00', 'a_other'); end $$;
select is(pg_temp.ask(403, 'manual'), 'allowed', 'another user''s device of that name is another one');
do $$ begin perform test.at('2026-03-10 12:06:43+00', 'a_member'); end $$;

-- a run that nobody asked for
select is(pg_temp.ask(1000, 'manual', p_source => 'worker', p_device_id => null), 'allowed', 'no run: go');
do $$ begin
  perform pg_temp.done(1000);
  perform test.run('worker', '2026-03-10 12:16:50+00', 'started');
end $$;
select is(
  pg_temp.ask(1010, 'manual', p_source => 'worker', p_device_id => null), 'already_syncing 5000', 'one is under way'
);
select is(pg_temp.ask(1010, 'manual', p_source => 'worker'), 'allowed', 'on no device that has a name');
do $$ begin perform pg_temp.done(1010); end $$;
select lives_ok(
  $$select syncwell.record_sync_start('worker', p_device_id => 'phone')$$, 'a run on the device'
);
select is(pg_temp.ask(1010, 'manual', p_source => 'worker'), 'already_syncing 5000', 'is in its way');

-- no network
select is(pg_temp.ask(2000, 'manual', p_network => 'offline'), 'offline', 'without a network nobody syncs');
select is(pg_temp.ask(2000, 'save', p_network => 'none'), 'offline', 'by either name');

-- periodic: a stream that never ran
select is(pg_temp.synced(3000, 'periodic'), 'true', 'periodically');
select is(pg_temp.ask(3000, 'periodic'), 'not_due 900000', 'every quarter of an hour');
select is(pg_temp.ask(3000, 'background'), 'not_due 900000', 'also when the system wakes it');
select is(pg_temp.ask(3000, 'periodic', p_battery => 5), 'not_due 3600000', 'with a low battery every hour');
select is(pg_temp.ask(3000, 'periodic', p_metered => true), 'not_due 1800000', 'for money every half');
select is(pg_temp.ask(3000, 'periodic', p_network => 'cellular'), 'not_due 1800000', 'as it is on the road');
select is(pg_temp.ask(3000, 'periodic', p_network => 'cellular', p_metered => false), 'not_due 900000', 'but for some');
-- how often data changes
do $$ begin perform test.run('app', '2026-03-10 12:50:10+00', 'success', p_items => 0); end $$;
select is(pg_temp.ask(3020, 'periodic'), 'not_due 3580000', 'every hour where nothing changes');
do $$ begin
  for v_hour in 7..11 loop
    perform test.run('app', '2026-03-10 00:10+00'::timestamptz + v_hour * interval '1 hour', 'success', p_items => 7);
  end loop;
end $$;
select is(
  pg_temp.ask(3020, 'periodic'), format('not_due %s', 2160000 - 20000),
  'twice as often as it does: five times in six hours'
);
do $$ begin
  for v_run in 1..60 loop
    perform test.run('app', '2026-03-10 11:00+00'::timestamptz + v_run * interval '30 s', 'success', p_items => 7);
  end loop;
end $$;
select is(pg_temp.ask(3020, 'periodic'), 'not_due 205000', 'never more often than every 225 seconds');
select is(pg_temp.synced(3225, 'periodic'), 'true', 'then it is due');
select is(pg_temp.ask(30000, 'periodic'), 'allowed', 'later');
do $$ begin perform pg_temp.done(30000); end $$;
select is(pg_temp.ask(30000, 'periodic'), 'not_due 3600000', 'what is older than six hours counts no more');

-- failures of the stream
do $$ begin perform pg_temp.fail(40000); end $$;
select is(pg_temp.ask(40000, 'save'), 'back_off 1000', 'after a failure a second');
do $$ begin
  perform pg_temp.fail(40100);
  perform pg_temp.fail(40200);
end $$;
select is(pg_temp.ask(40200, v.reason), 'back_off 4000', format('%s: after three of them four', v.reason))
from (values ('save'), ('session_end'), ('initialization'), ('session'), ('periodic')) as v (reason);
select is(pg_temp.synced(40200, 'manual'), 'true', 'unless the user wants it');
do $$ begin
  perform pg_temp.fail(40300);
  perform pg_temp.fail(40400);
  perform pg_temp.fail(40500);
end $$;
select is(pg_temp.ask(40500, 'save'), 'back_off 300000', 'when the retries are used up: five minutes');
do $$ begin perform test.run('app', '2026-03-10 23:15:10+00', 'success'); end $$;
select is(pg_temp.synced(40530, 'save'), 'true', 'a success ends it');
-- failures nobody recorded as a run
select is(pg_temp.ask(41000, 'save', p_source => 'silent'), 'allowed', 'a sync that leaves no run');
select is(pg_temp.done(41010, false), true, 'and fails');
select is(pg_temp.ask(41010.5, 'save', p_source => 'silent'), 'back_off 500', 'counts nevertheless');
select is(pg_temp.ask(41011, 'save', p_source => 'silent'), 'allowed', 'for a second');
do $$ begin perform pg_temp.done(41011, false); end $$;
select is(pg_temp.ask(41012, 'save', p_source => 'silent'), 'debounce 4000', 'the second time for two, and debounce');
select is(pg_temp.ask(41016, 'save', p_source => 'silent'), 'allowed', 'until it succeeds');
do $$ begin perform pg_temp.done(41016); end $$;
select is(
  (select r.failures from syncwell.sync_paces as r where r.source = 'silent' and r.user_id = test.id('a_member')), 0,
  'which is known'
);


-- each device and each source at its own pace
do $$ begin perform test.run('busy', '2026-03-11 00:00+00'::timestamptz + n * interval '1 s', 'success', p_items => 7)
from generate_series(0, 50) as n; end $$;
do $$ begin perform test.run('calm', '2026-03-10 12:00+00', 'success', p_items => 0); end $$;
select is(pg_temp.ask(50000, 'save', 'watch', 'calm'), 'allowed', 'a device syncs one source');
select is(pg_temp.done(50000, false), true, 'in vain');
select is(pg_temp.ask(50100, 'save', 'watch', 'busy'), 'allowed', 'and another');
select is(pg_temp.done(50100), true, 'well');
select is(pg_temp.ask(50200, 'save', 'ring', 'calm'), 'allowed', 'another device the first');
select is(pg_temp.done(50200), true, 'well too');
select results_eq(
  $$
    select r.source, r.failures, extract(epoch from r.allowed_at - '2026-03-10 12:00+00')::integer
    from syncwell.sync_paces as r where r.source in ('calm', 'busy') order by r.allowed_at
  $$,
  $$values ('calm', 1, 50000), ('busy', 0, 50100), ('calm', 0, 50200)$$, 'and none of it is another''s'
);
select is(pg_temp.ask(50200, 'periodic', 'ring', 'calm'), 'not_due 3600000', 'nor are the changes of another source');
do $$ begin perform syncwell.record_sync_complete(r.event_id, r.lease)
from syncwell.record_sync_start('calm', p_device_id => 'ring') as r; end $$;
select is(pg_temp.ask(50200, 'manual', 'ring', 'calm'), 'allowed', 'a run that is over is in nobody''s way');

reset session authorization;
select throws_ok($$update syncwell.sync_paces set reason = 'boredom'$$, '23514', null, 'there are no other reasons');
select isnt_empty($$select from syncwell.sync_paces where reason = 'manual'$$, 'the last one is kept');

select * from finish();
rollback;
