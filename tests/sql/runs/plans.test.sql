begin;
select plan(9);

-- the newest runs of one user and of an org, whatever else there is: buffers read, not time
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('activity.log_runs', 'off');
  perform syncwell.register_stream('calls', test.id('a_member')), syncwell.register_stream('calls', test.id('a_other')), syncwell.register_stream('org');
end $$;
insert into syncwell.sync_events (
  org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms, lease
)
select
  s.org_id, syncwell._uuid7(t.at), s.stream_id, s.user_id, s.source,
  case when n % 5000 = 0 then 'webhook' else 'incremental' end, case when n % 4000 = 0 then 'failed' else 'success' end,
  t.at, t.at, 0, s.stream_id
from generate_series(1, 40000) as n
cross join lateral (select syncwell._now() - n * interval '1 second' as at) as t
inner join syncwell.streams as s
  on s.org_id = test.org('a') and s.user_id is not distinct from case when n % 1000 = 0 then null when n % 100 = 0 then test.id('a_member') else test.id('a_other') end;
analyze syncwell.sync_events;

create function pg_temp.buffers(p_query text) returns bigint language plpgsql as $$
declare
  v_plan json;
begin
  -- once to load the catalog
  execute p_query;
  execute 'explain (analyze, buffers, timing off, format json) ' || p_query into v_plan;
  return (v_plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (v_plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
end $$;

select cmp_ok(pg_temp.buffers('select * from syncwell.get_recent_sync_events()'), '<', 400::bigint, 'of the org');
select cmp_ok(pg_temp.buffers($$select * from syncwell.get_recent_sync_events('calls')$$), '<', 400::bigint, 'of a source');
select cmp_ok(pg_temp.buffers($$select * from syncwell.get_recent_sync_events(p_status => 'failed')$$), '<', 400::bigint, 'of a rare status');
select cmp_ok(pg_temp.buffers($$select * from syncwell.get_recent_sync_events(p_status => 'started')$$), '<', 400::bigint, 'of a status that none has');
select cmp_ok(pg_temp.buffers('select * from syncwell.get_recent_webhooks()'), '<', 400::bigint, 'webhooks');
do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select cmp_ok(pg_temp.buffers('select * from syncwell.get_recent_sync_events()'), '<', 400::bigint, 'of a member');
select cmp_ok(pg_temp.buffers($$select * from syncwell.get_recent_sync_events(p_status => 'timeout')$$), '<', 400::bigint, 'of a status that none of its runs has');
select cmp_ok(pg_temp.buffers('select * from syncwell.get_recent_webhooks()'), '<', 400::bigint, 'webhooks of a member');
select cmp_ok(
  pg_temp.buffers('select count(*) from syncwell.sync_events where duration_ms = 0 and platform is null'), '>', 800::bigint, 'a scan would read more'
);

select * from finish();
rollback;
