begin;
select plan(30);

-- a member's calls and sms (iOS), another member's calls, the org's own todoist; all expected hourly
do $$
begin
  perform syncwell.bind_login(session_user, 'gateway');
  perform test.at('2026-03-10 08:00+00', 'a_member');
  perform syncwell.register_stream('calls', p_expected_interval => '1 hour');
  perform syncwell.register_stream('sms', p_expected_interval => '1 hour', p_platform => 'ios');
  perform test.run('calls', '2026-03-10 08:00+00', 'success', p_items => 10);
  perform test.run('sms', '2026-03-10 08:00+00', 'success', p_items => 10);
  perform test.at('2026-03-10 08:00+00', 'a_other');
  perform syncwell.register_stream('calls', p_expected_interval => '1 hour');
  perform test.run('calls', '2026-03-10 08:00+00', 'success', p_items => 10);
  perform syncwell.act_as_org(test.org('a'));
  perform syncwell.register_stream('todoist', p_expected_interval => '1 hour');
  perform test.run('todoist', '2026-03-10 08:00+00', 'success', p_items => 10);
  perform test.at('2026-03-10 08:30+00', 'a_analyst');
end
$$;
create function pg_temp.evaluated(p_at timestamptz)
returns void
language sql
as $$
  insert into syncwell.health_evaluations as e (org_id, evaluated_at) values (test.org('a'), p_at)
  on conflict (org_id) do update set evaluated_at = excluded.evaluated_at;
$$;
create function pg_temp.open_window(p_mode text, p_source text default null, p_user text default null, p_platform text default null)
returns void
language sql
as $$
  delete from syncwell.maintenance_windows where org_id = test.org('a');
  insert into syncwell.maintenance_windows (org_id, mode, source, user_id, platform, starts_at, ends_at)
  values (test.org('a'), p_mode, p_source, case when p_user is not null then test.id(p_user) end, p_platform, '2026-03-10 08:30+00', '2026-03-10 18:00+00');
$$;
create function pg_temp.overlaid(p_overlay text)
returns text
language sql
as $$
  select coalesce(string_agg(concat_ws(' of ', h.source, replace(u.display_name, ' ', '')), ', ' order by h.source, h.user_id = test.id('a_other')), '-')
  from syncwell._stream_health(null, null) as h
  left join lateral (
    select case h.user_id when test.id('a_member') then 'member' when test.id('a_other') then 'other' end as display_name
  ) as u on true
  where p_overlay = any(h.overlays);
$$;

-- unevaluated
select is((select overlays from syncwell.get_sync_health_status() where source is null), '{unevaluated}', 'never evaluated');
do $$ begin perform pg_temp.evaluated('2026-03-10 08:20+00'); end $$;
select is((select overlays from syncwell.get_sync_health_status() where source is null), '{}', 'two intervals ago: evaluated');
do $$ begin perform pg_temp.evaluated('2026-03-10 08:19:59+00'); end $$;
select is((select overlays from syncwell.get_sync_health_status() where source is null), '{unevaluated}', 'longer ago: not');
do $$ begin perform pg_temp.evaluated('2026-03-10 08:40:01+00'); end $$;
select is((select overlays from syncwell.get_sync_health_status() where source is null), '{unevaluated}', 'nor where the clock was put back since by more than two intervals');
do $$ begin perform pg_temp.evaluated('2026-03-10 08:19:59+00'); end $$;
do $$ begin perform syncwell.set_setting('health.evaluation_interval', '10 minutes', p_org_id => test.org('a')); end $$;
select is((select overlays from syncwell.get_sync_health_status() where source is null), '{}', 'the interval is a setting');

-- whom a window fits
do $$ begin perform pg_temp.open_window('mute'); end $$;
select is(pg_temp.overlaid('maintenance'), 'calls of member, calls of other, sms of member, todoist', 'a window that names nothing: all');
do $$ begin perform pg_temp.open_window('exclude', p_source => 'calls'); end $$;
select is(pg_temp.overlaid('maintenance'), 'calls of member, calls of other', 'one for a source');
do $$ begin perform pg_temp.open_window('mute', p_user => 'a_member'); end $$;
select is(pg_temp.overlaid('maintenance'), 'calls of member, sms of member', 'for a user, and not what is the org''s');
do $$ begin perform pg_temp.open_window('mute', p_platform => 'ios'); end $$;
select is(pg_temp.overlaid('maintenance'), 'sms of member', 'for a platform, and not where none is known');
do $$ begin perform pg_temp.open_window('mute', 'calls', 'a_member'); end $$;
select is(pg_temp.overlaid('maintenance'), 'calls of member', 'for both together');
select results_eq(
  'select source, overlays from syncwell.get_sync_health_status() order by source nulls first', $$values (null, '{maintenance}'::text[]), ('calls', '{maintenance}'), ('sms', '{}'), ('todoist', '{}')$$,
  'a row has what any of its streams has'
);
do $$ begin update syncwell.maintenance_windows set cancelled_at = syncwell._now() where org_id = test.org('a'); end $$;
select is(pg_temp.overlaid('maintenance'), '-', 'not once it is called off');
do $$ begin perform pg_temp.open_window('mute'); perform test.at('2026-03-10 08:29:59+00'); end $$;
select is(pg_temp.overlaid('maintenance'), '-', 'nor before it begins');
do $$ begin perform test.at('2026-03-10 18:00+00'); end $$;
select is(pg_temp.overlaid('maintenance'), '-', 'nor at its end');
do $$
begin
  perform test.at('2026-03-10 08:30+00');
  perform pg_temp.open_window('mute');
  insert into syncwell.maintenance_windows (org_id, mode, starts_at, ends_at)
  values (test.org('b'), 'pause', '2026-03-10 08:00+00', '2026-03-10 18:00+00');
end
$$;
select is(pg_temp.overlaid('paused'), '-', 'another org''s window is another org''s');

-- the strongest of several
do $$
begin
  insert into syncwell.maintenance_windows (org_id, mode, source, starts_at, ends_at)
  values (test.org('a'), 'pause', 'calls', '2026-03-10 08:00+00', '2026-03-10 18:00+00'),
    (test.org('a'), 'exclude', 'calls', '2026-03-10 08:00+00', '2026-03-10 18:00+00'),
    (test.org('a'), 'exclude', 'sms', '2026-03-10 08:00+00', '2026-03-10 18:00+00');
end
$$;
select results_eq(
  'select distinct source, window_mode, overlays from syncwell._stream_health(null, null) order by source',
  $$values ('calls', 'pause', '{paused}'::text[]), ('sms', 'exclude', '{maintenance}'), ('todoist', 'mute', '{maintenance}')$$, 'pause, then exclude, then mute'
);

-- what a pause does, before evaluate_health() has seen it
do $$ begin perform test.at('2026-03-10 12:30+00'); end $$;
select results_eq(
  'select distinct source, status, freshness from syncwell._stream_health(null, null) order by source',
  $$values ('calls', 'healthy', 'unknown'), ('sms', 'unhealthy', 'stale'), ('todoist', 'unhealthy', 'stale')$$, 'nothing is expected of what is paused; the other modes expect as ever'
);
select is((select freshness_score from syncwell.get_sync_health_status() where source = 'calls'), null, 'and its freshness is unknown, not good');
select is((select count(*) from syncwell.get_data_freshness() where source = 'calls' and status = 'unknown'), 1::bigint, 'for get_data_freshness() as well');
-- and once it has
do $$
begin
  delete from syncwell.maintenance_windows where org_id = test.org('a');
  insert into syncwell.stream_states (org_id, stream_id, user_id, source, expect_from)
  select s.org_id, s.stream_id, s.user_id, s.source, 'infinity' from syncwell.streams as s where s.org_id = test.org('a') and s.source = 'calls';
end
$$;
select is(pg_temp.overlaid('paused'), 'calls of member, calls of other', 'a pause lasts until evaluate_health() has ended it');
select is((select status from syncwell.get_sync_health_status() where source = 'calls'), 'healthy', 'and nothing is expected until then');
do $$ begin update syncwell.stream_states set expect_from = '2026-03-10 12:00+00' where org_id = test.org('a'); end $$;
select is(pg_temp.overlaid('paused'), '-', 'then it is over');
select is((select status from syncwell.get_sync_health_status() where source = 'calls'), 'healthy', 'and an hour passes anew');
do $$ begin perform test.at('2026-03-10 13:07+00'); end $$;
select is((select status from syncwell.get_sync_health_status() where source = 'calls'), 'late', 'before it is late');

-- flapping, beside others
do $$
begin
  update syncwell.stream_states set is_flapping = true where org_id = test.org('a') and user_id = test.id('a_other');
  perform pg_temp.open_window('mute', p_source => 'calls');
end
$$;
select is(pg_temp.overlaid('flapping'), 'calls of other', 'flapping is a stream''s own');
select is(
  (select overlays from syncwell.get_sync_health_status() where source = 'calls'), '{flapping,maintenance,unevaluated}', 'what holds of its streams, by name'
);

-- the view says the same, to each reader what he may see
create temporary table told as select h.stream_id, h.overlays, h.freshness, h.queue_score from syncwell._stream_health(null, null) as h;
grant select on told to public;
do $$
begin
  perform pg_temp.open_window('pause', p_user => 'a_other');
  insert into syncwell.maintenance_windows (org_id, mode, source, starts_at, ends_at) values (test.org('a'), 'mute', 'sms', '2026-03-10 08:30+00', '2026-03-10 18:00+00');
  delete from told;
  insert into told select h.stream_id, h.overlays, h.freshness, h.queue_score from syncwell._stream_health(null, null) as h;
end
$$;
select is((select count(distinct overlays) from told), 3::bigint, 'paused and flapping, maintained, neither');
select set_eq(
  format('select stream_id, overlays, freshness, queue_score from syncwell.stream_health where org_id = %L', test.org('a')), 'select * from told', 'the view says what the functions say'
);
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select set_eq(
  'select stream_id, overlays from syncwell._stream_health(null, null)',
  format('select stream_id, overlays from told where stream_id in (select s.stream_id from syncwell.streams as s where s.user_id = %L or s.user_id is null)', test.id('a_member')),
  'a member: its own and the org''s'
);
select is_empty(
  format('select * from syncwell._own_health_settings() as c, unnest(c.windows) as w where w.user_id = %L', test.id('a_other')), 'and nothing of another user''s windows'
);

select * from finish();
rollback;
