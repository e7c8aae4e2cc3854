begin;
select plan(8);
-- a run that was on its way before the circuit opened says nothing of the source now, however late it ends
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
  perform syncwell.set_setting('circuit.minimum_runs', '1', 'api');
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;
create temp table early as select r.* from generate_series(1, 2) as i, syncwell.record_sync_start('api', 'manual', 'early' || i) as r;
do $$ begin
  perform pg_temp.at('12:00:01'), syncwell.record_sync_error(r.event_id, r.lease, 'down', 'ECONNRESET') from syncwell.record_sync_start('api') as r;
end $$;
create view pg_temp.circuit as select state, opened_at, cooldown, closed_at from syncwell.circuits where source = 'api';
select results_eq('select * from pg_temp.circuit', $$values ('open', timestamptz '2026-11-21 12:00:01+00', interval '30 s', null::timestamptz)$$, 'open');
create temp table meanwhile as select r.* from syncwell.record_sync_start('api') as r;

do $$ begin perform pg_temp.at('12:00:31'); end $$;
select is((select reopen_at <= syncwell._now() from syncwell.circuits where source = 'api'), true, 'the cooldown is over');
select is(c.status, 'success', 'an early run succeeds') from early as r, syncwell.record_sync_complete(r.event_id, r.lease) as c where r.sync_token = 'early1';
select results_eq('select * from pg_temp.circuit', $$values ('open', timestamptz '2026-11-21 12:00:01+00', interval '30 s', null::timestamptz)$$, 'that closes nothing');
select is(e.reason, 'circuit_open', 'another fails') from early as r, syncwell.record_sync_error(r.event_id, r.lease, 'down', 'ECONNRESET') as e where r.sync_token = 'early2';
select results_eq('select * from pg_temp.circuit', $$values ('open', timestamptz '2026-11-21 12:00:01+00', interval '30 s', null::timestamptz)$$, 'that prolongs nothing');
-- the control: one that started while it was open
select is(c.status, 'success', 'a run that ventured out succeeds') from meanwhile as r, syncwell.record_sync_complete(r.event_id, r.lease) as c;
select results_eq('select state, closed_at from pg_temp.circuit', $$values ('closed', timestamptz '2026-11-21 12:00:31+00')$$, 'and closes it');

select * from finish();
rollback;
