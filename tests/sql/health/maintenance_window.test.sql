begin;
select plan(43);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create function pg_temp.shown(p_ended boolean default false)
returns text
language sql
as $$ select coalesce(string_agg(concat_ws(' ', mode, source, to_char(starts_at at time zone 'UTC', 'DD HH24:MI'), to_char(ends_at at time zone 'UTC', 'DD HH24:MI'), case when is_on then 'on' end), ', ' order by starts_at, source), '-') from syncwell.get_maintenance_windows(p_ended) $$;
create function pg_temp.of(p_source text)
returns uuid
language sql
as $$ select id from syncwell.maintenance_windows where source = p_source $$;

do $$ begin perform test.at('2026-03-10 09:00+00', 'a_admin'); end $$;
select lives_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', p_source => 'calls', p_reason => 'new phones')$$, 'planned');
select results_eq(
  'select mode, source, user_id, platform, starts_at, ends_at, is_on, cron, time_zone, reason, created_by, cancelled_at from syncwell.get_maintenance_windows()',
  format($$values ('mute', 'calls', null::uuid, null, '2026-03-10 10:00+00'::timestamptz, '2026-03-10 11:00+00'::timestamptz, false, null, 'Europe/Berlin', 'new phones', %L::uuid, null::timestamptz)$$, test.id('a_admin')),
  'kept'
);
do $$ begin perform test.at('2026-03-10 10:00+00'); end $$;
select is(pg_temp.shown(), 'mute calls 10 10:00 10 11:00 on', 'on');
do $$ begin perform test.at('2026-03-10 11:00+00'); end $$;
select is(pg_temp.shown(), '-', 'over');
select is(pg_temp.shown(true), 'mute calls 10 10:00 10 11:00', 'among those that are over');
select ok(not syncwell.cancel_maintenance_window(pg_temp.of('calls')), 'what is over is not called off');

-- one that comes again, by the clock of its zone: the night of 28 to 29 March has no 2 to 3 in Berlin
do $$ begin perform syncwell.act_as_org(test.org('a')); end $$;
select lives_ok($$select syncwell.maintenance_window('2026-03-26 03:00+00', '2026-03-26 05:00+00', 'pause', 'nightly', p_cron => '0 4 * * *')$$, 'a service plans nights');
select is(pg_temp.shown(), 'pause nightly 26 03:00 26 05:00', 'the first');
do $$ begin perform test.at('2026-03-26 05:00+00'); end $$;
select is(pg_temp.shown(), 'pause nightly 27 03:00 27 05:00', 'then the next, though nobody has moved it on');
do $$ begin perform test.at('2026-03-27 04:30+00'); end $$;
select is(pg_temp.shown(), 'pause nightly 27 03:00 27 05:00 on', 'which is on');
do $$ begin perform test.at('2026-03-29 01:00+00'); end $$;
select is(pg_temp.shown(), 'pause nightly 29 02:00 29 04:00', 'an hour earlier once the clocks are changed');
do $$ begin perform test.at('2026-03-29 03:59+00'); end $$;
select is(pg_temp.shown(), 'pause nightly 29 02:00 29 04:00 on', 'as long as ever');
select lives_ok($$select syncwell.maintenance_window('2026-01-01 04:00+00', '2026-01-01 05:00+00', 'exclude', 'old', p_cron => '0 4 * * *', p_time_zone => 'UTC')$$, 'one that began long ago');
select is((select to_char(starts_at at time zone 'UTC', 'DD HH24:MI') from syncwell.maintenance_windows where source = 'old'), '29 04:00', 'is kept as its next occurrence');
select is((select time_zone from syncwell.get_maintenance_windows() where source = 'old'), 'UTC', 'by its own clock');
select ok(syncwell.cancel_maintenance_window(pg_temp.of('nightly')), 'called off');
select is(pg_temp.shown(), 'exclude old 29 04:00 29 05:00', 'it is not on any more, nor does it come again');
select ok(not syncwell.cancel_maintenance_window(pg_temp.of('nightly')), 'once');
select is((select cancelled_at from syncwell.get_maintenance_windows(true) where source = 'nightly'), '2026-03-29 03:59+00'::timestamptz, 'when');

-- _next_window: what is on stays, also across the longest
select results_eq($$select * from syncwell._next_window('0 0 * * *', 'UTC', '2026-03-10 00:00+00', '2026-03-10 02:00+00', '2026-03-12 01:59+00')$$, $$values ('2026-03-12 00:00+00'::timestamptz, '2026-03-12 02:00+00'::timestamptz)$$, 'the one that is on');
select results_eq($$select * from syncwell._next_window('0 0 * * *', 'UTC', '2026-03-10 00:00+00', '2026-03-10 02:00+00', '2026-03-12 02:00+00')$$, $$values ('2026-03-13 00:00+00'::timestamptz, '2026-03-13 02:00+00'::timestamptz)$$, 'at its end the next');
select results_eq($$select * from syncwell._next_window(null, 'UTC', '2026-03-10 00:00+00', '2026-03-10 02:00+00', '2026-03-12 02:00+00')$$, $$values ('2026-03-10 00:00+00'::timestamptz, '2026-03-10 02:00+00'::timestamptz)$$, 'one that does not come again stays');

-- who sees and plans
do $$ begin perform test.at('2026-03-10 09:00+00', 'a_admin'); end $$;
delete from syncwell.maintenance_windows;
select lives_ok(format($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', p_source => 'hers', p_user_id => %L)$$, test.id('a_other')), 'for one user');
select lives_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', p_source => 'all', p_platform => 'ios')$$, 'for a platform');
do $$ begin perform test.at('2026-03-10 09:00+00', 'a_member'); end $$;
select is(pg_temp.shown(), 'mute all 10 10:00 10 11:00', 'members see what is for all');
do $$ begin perform test.at('2026-03-10 09:00+00', 'a_other'); end $$;
select is(pg_temp.shown(), 'mute all 10 10:00 10 11:00, mute hers 10 10:00 10 11:00', 'and for themselves');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00')$$, '42501', null, 'and plan nothing');
select throws_ok(format($$select syncwell.cancel_maintenance_window(%L)$$, pg_temp.of('hers')), '42501', null, 'nor call it off');
do $$ begin perform test.at('2026-03-10 09:00+00', 'a_analyst'); end $$;
select is((select count(*) from syncwell.get_maintenance_windows()), 2::bigint, 'analysts see all');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00')$$, '42501', null, 'and plan nothing either');
do $$ begin perform test.at('2026-03-10 09:00+00', 'b_admin'); end $$;
select is(pg_temp.shown(true), '-', 'another org sees none');
select throws_ok(format($$select syncwell.cancel_maintenance_window(%L)$$, pg_temp.of('all')), 'SW603', 'unknown maintenance window', 'and calls off none');
select throws_ok($$select syncwell.cancel_maintenance_window(null)$$, '22004', 'a maintenance window is needed', 'NULL');
select throws_ok(format($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', p_user_id => %L)$$, test.id('a_member')), 'SW002', 'unknown user', 'for nobody of another org');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 11:00+00', '2026-03-10 11:00+00')$$, '22023', 'this is no time for a maintenance window', 'an end that is no later');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 07:00+00', '2026-03-10 09:00+00')$$, '22023', 'this is no time for a maintenance window', 'one that is over');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 07:00+00', 'infinity')$$, '22023', 'this is no time for a maintenance window', 'one without end');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', 'sleep')$$, '22023', 'unknown mode of maintenance', 'an unknown mode');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', null)$$, '22004', 'a maintenance window needs a beginning, an end and a mode', 'no mode');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', p_time_zone => 'Mars')$$, '22023', 'unknown time zone', 'an unknown zone');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', p_cron => '0 0 30 2 *')$$, '22023', 'this schedule never fires', 'a schedule that never fires');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', p_platform => 'fax')$$, '22023', 'unknown platform', 'an unknown platform');
select throws_ok($$select syncwell.maintenance_window('2026-03-10 10:00+00', '2026-03-10 11:00+00', p_source => 'a b')$$, '22023', 'this is no name of a source', 'what is no source');
select * from finish();
rollback;
