create or replace function syncwell._reap_runs(
  p_org_id uuid,
  p_user_id uuid,
  p_limit integer
)
returns table (
  org_id uuid,
  user_id uuid,
  event_id uuid,
  stream_id uuid,
  source text,
  reason text,
  started_at timestamptz
)
language plpgsql volatile security invoker rows 10
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  v_runs syncwell.sync_events[];
  v_reasons text[];
  v_allowed interval[];
  v_event syncwell.sync_events;
begin
  with running as materialized (
    select e.org_id, e.id, e.stream_id, e.source, e.platform, e.started_at, e.heartbeat_at
    from syncwell.sync_events as e
    where e.status = 'started'
      and (p_org_id is null or e.org_id = p_org_id)
      and (p_user_id is null or e.user_id = p_user_id)
  ),
  limits as materialized (
    select
      d.org_id, d.source, d.platform,
      syncwell._setting(d.org_id, 'runs.heartbeat_timeout', d.source, d.platform)::interval as heartbeat_timeout,
      syncwell._setting(d.org_id, 'runs.max_runtime', d.source, d.platform)::interval as max_runtime
    from (select distinct r.org_id, r.source, r.platform from running as r) as d
  ),
  overdue as materialized (
    select
      r.org_id, r.id,
      case
        when r.heartbeat_at + l.heartbeat_timeout <= v_now then 'no_heartbeat' else 'over_max_runtime'
      end as reason,
      case
        when r.heartbeat_at + l.heartbeat_timeout <= v_now then l.heartbeat_timeout
        else coalesce(s.max_runtime, l.max_runtime)
      end as allowed
    from running as r
    inner join limits as l
      on l.org_id = r.org_id and l.source = r.source and l.platform is not distinct from r.platform
    left join syncwell.streams as s on s.org_id = r.org_id and s.stream_id = r.stream_id
    where r.heartbeat_at + l.heartbeat_timeout <= v_now
      or r.started_at + coalesce(s.max_runtime, l.max_runtime) <= v_now
    order by r.id
    limit p_limit
  ),
  locked as materialized (
    -- with the state that its worker would lock next: many streams in one transaction must not wait for each other
    select o.reason, o.allowed, e as run
    from overdue as o
    inner join syncwell.sync_events as e on e.org_id = o.org_id and e.id = o.id
    inner join syncwell.sync_state as t on t.org_id = e.org_id and t.stream_id = e.stream_id
    where e.status = 'started' and (o.reason = 'over_max_runtime' or e.heartbeat_at + o.allowed <= v_now)
    for update of e, t skip locked
  )
  -- circuits are locked on the way: by everybody in this order, and after the errors of the streams
  select
    array_agg(l.run order by (l.run).org_id, (l.run).source, (l.run).id),
    array_agg(l.reason order by (l.run).org_id, (l.run).source, (l.run).id),
    array_agg(l.allowed order by (l.run).org_id, (l.run).source, (l.run).id)
  into v_runs, v_reasons, v_allowed
  from locked as l;
  perform from syncwell.sync_errors as e
  where e.resolved_at is null
    and (e.org_id, e.stream_id) in (select r.org_id, r.stream_id from unnest(v_runs) as r)
  order by e.org_id, e.id
  for update;

  for v_at in 1..coalesce(cardinality(v_runs), 0) loop
    v_event := v_runs[v_at];
    v_event.status := 'timeout';
    -- the worker may only be slow: what it still has to say is refused
    v_event.lease := gen_random_uuid();
    perform syncwell._fail_run(
      v_event, v_now, 'TIMEOUT', 'transient', true, null, null,
      case v_reasons[v_at]
        when 'no_heartbeat' then format('no heartbeat for %s', v_allowed[v_at])
        else format('no end within %s', v_allowed[v_at])
      end,
      null, null
    );
    org_id := v_event.org_id;
    user_id := v_event.user_id;
    event_id := v_event.id;
    stream_id := v_event.stream_id;
    source := v_event.source;
    reason := v_reasons[v_at];
    started_at := v_event.started_at;
    return next;
  end loop;
end
$$;
comment on function syncwell._reap_runs(uuid, uuid, integer) is
'reap_sync_runs() for one org or, p_org_id NULL, all, and one user''s streams or, p_user_id NULL, all. What a worker '
'is writing at this moment is skipped, with all else of its stream.';
revoke all on function syncwell._reap_runs(uuid, uuid, integer) from public;
