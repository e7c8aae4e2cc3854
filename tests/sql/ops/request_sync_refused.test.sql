-- What speaks against a sync whatever its reason, what is no request, and whose turns these are.
begin;
select plan(52);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create temporary table turn (request_id uuid);
create function pg_temp.ask(
  p_at timestamptz,
  p_reason text,
  p_device_id text default 'phone',
  p_source text default 'app',
  p_user_id uuid default null
)
returns text
language plpgsql
as $$
declare
  v_turn record;
begin
  perform test.at(p_at);
  v_turn := syncwell.request_sync(p_source, p_reason, p_device_id, p_user_id => p_user_id);
  insert into turn select v_turn.request_id where v_turn.allowed;
  return concat_ws(' ', v_turn.why, nullif(v_turn.wait_ms, 0));
end
$$;
do $$ begin perform test.at('2026-03-10 12:00+00', 'a_member'); end $$;

-- the circuit
insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
values (test.org('a'), 'app', 'open', '2026-03-10 11:59+00', '1 min', '2026-03-10 12:01+00');
select is(
  pg_temp.ask('2026-03-10 12:00+00', v.reason), 'circuit_open 60000',
  format('%s: a source that is down is let be', v.reason)
)
from (values ('manual'), ('save'), ('periodic'), ('session_end')) as v (reason);
select is(pg_temp.ask('2026-03-10 12:00+00', 'manual', p_source => 'other'), 'allowed', 'others are not');
do $$ begin perform syncwell.finish_sync(t.request_id) from turn as t; end $$;
select is(pg_temp.ask('2026-03-10 12:01+00', 'manual'), 'allowed', 'after the cooldown somebody looks');
do $$ begin perform syncwell.finish_sync(t.request_id) from turn as t; end $$;
update syncwell.circuits
set state = 'half_open', probe_token = gen_random_uuid(), probe_until = '2026-03-10 12:10+00'
where org_id = test.org('a');
select is(pg_temp.ask('2026-03-10 12:02+00', 'manual'), 'circuit_open 60000', 'while a probe is out nobody else does');
select is(pg_temp.ask('2026-03-10 12:09:30+00', 'manual'), 'circuit_open 30000', 'until it is given up');
select is(pg_temp.ask('2026-03-10 12:10+00', 'manual'), 'allowed', 'then they do');
do $$ begin perform syncwell.finish_sync(t.request_id) from turn as t; end $$;
update syncwell.circuits
set state = 'closed', probe_token = null, probe_until = null, closed_at = '2026-03-10 12:11+00', reopen_at = 'infinity'
where org_id = test.org('a');
select is(pg_temp.ask('2026-03-10 12:12+00', 'manual'), 'allowed', 'a closed one is in nobody''s way');
do $$ begin perform syncwell.finish_sync(t.request_id) from turn as t; end $$;

-- the rate
do $$ begin
  perform syncwell.set_setting('queue.rate', '0.1', 'limited', p_org_id => test.org('a'));
  perform syncwell.set_setting('queue.burst', '2', 'limited', p_org_id => test.org('a'));
end $$;
select is(pg_temp.ask('2026-03-10 13:00+00', 'manual', 'phone', 'limited'), 'allowed', 'once');
select is(pg_temp.ask('2026-03-10 13:00+00', 'manual', 'phone', 'limited'), 'already_syncing 5000', 'a refusal');
select is(
  (select l.tokens from syncwell.rate_limits as l where l.bucket like '%limited'), 1::double precision,
  'takes nothing from the bucket'
);
do $$ begin perform syncwell.finish_sync(t.request_id) from turn as t; end $$;
select is(pg_temp.ask('2026-03-10 13:00+00', 'manual', 'phone', 'limited'), 'allowed', 'twice');
do $$ begin perform syncwell.finish_sync(t.request_id) from turn as t; end $$;
select is(pg_temp.ask('2026-03-10 13:00+00', 'manual', 'phone', 'limited'), 'rate_limited 10000', 'manual too');
select is(
  pg_temp.ask('2026-03-10 13:00+00', 'session_end', 'tablet', 'limited'), 'rate_limited 10000', 'on any device'
);
select is(pg_temp.ask('2026-03-10 13:00:10+00', 'manual', 'phone', 'limited'), 'allowed', 'it fills up again');
do $$ begin perform syncwell.finish_sync(t.request_id) from turn as t; end $$;
do $$ begin perform test.at('2026-03-10 13:00:10+00', 'a_other'); end $$;
select is(pg_temp.ask('2026-03-10 13:00:10+00', 'manual', 'phone', 'limited'), 'allowed', 'nobody empties another''s');
do $$ begin perform syncwell.finish_sync(t.request_id) from turn as t; end $$;

-- settings by source
do $$ begin
  perform syncwell.set_setting('ops.debounce', '1 minute', 'slow', p_org_id => test.org('a'));
  perform syncwell.set_setting('ops.sync_timeout', '1 hour', 'slow', p_org_id => test.org('a'));
end $$;
select is(pg_temp.ask('2026-03-10 14:00+00', 'save', 'phone', 'slow'), 'allowed', 'a slow source');
select is(pg_temp.ask('2026-03-10 14:59+00', 'save', 'phone', 'slow'), 'already_syncing 60000', 'may take its time');

-- back-off with jitter: the same however often one asks
do $$ begin
  perform syncwell.set_setting('retry.jitter', 'full', p_org_id => test.org('a'));
  perform test.run('app', '2026-03-10 15:00+00'::timestamptz + n * interval '20 s', 'failed')
  from generate_series(0, 3) as n;
end $$;
select ok(
  (
    select count(distinct a.answer) = 1 and min(a.answer) like 'back_off %'
    from (select pg_temp.ask('2026-03-10 15:01:10+00', 'save', 'watch') as answer from generate_series(1, 20)) as a
  ),
  'nobody is let through by luck'
);
create temporary table said as
select substring(pg_temp.ask('2026-03-10 15:01:10+00', 'save', 'watch ' || n) from 'back_off (\d+)')::integer as wait_ms
from generate_series(1, 40) as n;
select ok((select max(s.wait_ms) <= 8000 and count(distinct s.wait_ms) > 20 from said as s), 'but not all at once');

-- whose turns
select is(
  pg_temp.ask('2026-03-10 16:00+00', 'manual', p_user_id => test.id('a_other')), 'allowed', 'one''s own id is no other'
);
select throws_ok(
  format($$select syncwell.request_sync('app', 'manual', p_user_id => %L)$$, v.user_id), 'SW002', null,
  'a member asks for nobody else'
)
from (values (test.id('a_member')), (test.id('b_member')), (test.id('unknown'))) as v (user_id);
do $$ begin
  perform test.at('2026-03-10 16:00+00', 'a_admin');
  truncate turn;
end $$;
select is(
  pg_temp.ask('2026-03-10 16:10+00', 'manual', 'console', p_user_id => test.id('a_member')), 'allowed', 'an admin does'
);
select is(
  (select syncwell.finish_sync(t.request_id, p_user_id => test.id('a_other')) from turn as t), false,
  'and says for whom it is done'
);
select is(
  (select syncwell.finish_sync(t.request_id, p_user_id => test.id('a_member')) from turn as t), true, 'again'
);
do $$ begin
  perform syncwell.act_as_org(test.org('a'));
  truncate turn;
end $$;
select is(pg_temp.ask('2026-03-10 16:20+00', 'periodic', null, 'crm'), 'allowed', 'the org''s own syncs are its own');
select is(pg_temp.ask('2026-03-10 16:20+00', 'manual', null, 'crm'), 'already_syncing 5000', 'one at a time too');
select is((select syncwell.finish_sync(t.request_id, false) from turn as t), true, 'and it is told');
select is(pg_temp.ask('2026-03-10 16:20+00', 'background', null, 'crm'), 'not_due 900000', 'at its own pace');
do $$ begin perform syncwell.act_as_org(test.org('b')); end $$;
select is(pg_temp.ask('2026-03-10 16:20+00', 'manual', null, 'crm'), 'allowed', 'another org is another matter');

-- what is another one's matters to nobody
do $$ begin
  perform test.at('2026-03-10 17:00+00', 'a_other');
  for v_n in 0..2 loop
    perform test.run('shared', '2026-03-10 17:00+00'::timestamptz + v_n * interval '20 s', 'failed');
  end loop;
  perform test.at('2026-03-10 17:00+00', 'a_member');
end $$;
insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
values (test.org('b'), 'shared', 'open', '2026-03-10 17:00+00', '1 hour', '2026-03-10 18:00+00');
select is(
  pg_temp.ask('2026-03-10 17:00:50+00', 'save', 'ring', 'shared'), 'allowed',
  'another''s failures, another org''s circuit'
);
truncate turn;
select isnt(
  (select s.slot from syncwell.sync_slots as s where s.user_id = test.id('a_member') and s.source = 'shared'),
  syncwell._sync_slot(test.org('a'), test.id('a_other'), 'shared', 'ring'), 'a device is another one for another user'
);

-- nothing that names a device is kept
select is_empty(
  $$select from syncwell.sync_slots as s where s::text ~ 'phone|console|watch|ring'$$, 'no device is named'
);
select is_empty($$select from syncwell.sync_paces as s where s::text ~ 'phone|console|watch|ring'$$, 'nowhere');

-- what is no request
select throws_ok($$select syncwell.request_sync(null, 'save')$$, '22004', null, 'no source');
select throws_ok($$select syncwell.request_sync('', 'save')$$, '22023', null, 'an empty one');
select throws_ok($$select syncwell.request_sync('app', null)$$, '22004', null, 'no reason');
select throws_ok($$select syncwell.request_sync('app', 'whim')$$, '22023', null, 'an unknown one');
select throws_ok(
  $$select syncwell.request_sync('app', 'save', repeat('x', 256))$$, '22001', null, 'a device with a long name'
);
select throws_ok(
  format($$select syncwell.request_sync('app', 'save', p_battery => %L)$$, v.battery), '22023', null,
  format('a battery of %s percent', v.battery)
)
from (values ('NaN'), ('-1'), ('100.01')) as v (battery);
select throws_ok($$select syncwell.finish_sync(null)$$, '22004', null, 'no turn');

-- and at last it is forgotten
select is(
  (select count(*) > 0 from syncwell.sync_slots), true, 'there are turns'
);
do $$ begin perform test.at('2026-04-09 12:00+00'); end $$;
select is(syncwell._expire_sync_paces_task(), 0::bigint, 'for thirty days');
do $$ begin perform test.at('2026-04-09 17:00:50.001+00'); end $$;
select ok(syncwell._expire_sync_paces_task() > 40, 'which are over');
select is_empty($$select from syncwell.sync_slots$$, 'no turn is left');
select is_empty($$select from syncwell.sync_paces$$, 'and no pace');

select * from finish();
rollback;
