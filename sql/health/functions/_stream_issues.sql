create or replace function syncwell._stream_issues(
  p_source text,
  p_user_id uuid,
  p_stale_after interval default null
)
returns table (
  source text,
  issue_type text,
  severity text,
  since timestamptz,
  evidence jsonb,
  suggestion text,
  user_id uuid,
  stream_id uuid
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_id constant uuid := syncwell.current_org_id();
  v_source constant text := syncwell._sync_source(v_org_id);
  v_day_ago constant uuid := syncwell._uuid7_floor(v_now - interval '24 hours');
begin
  return query
  with streams as materialized (
    select h.* from syncwell._stream_health(p_source, p_user_id, p_stale_after) as h
  ),
  open_runs as materialized (
    select
      s.source, s.user_id, s.stream_id, l.heartbeat_timeout, s.max_runtime,
      e.id, e.started_at, e.heartbeat_at, e.items_processed,
      case
        when e.heartbeat_at < v_now - l.heartbeat_timeout then 'no_heartbeat'
        when e.started_at < v_now - s.max_runtime then 'over_max_runtime'
      end as cause
    from streams as s
    join syncwell.sync_events as e
      on e.org_id = s.org_id and e.stream_id = s.stream_id and e.status = 'started'
    cross join lateral (select (s.settings ->> 'runs.heartbeat_timeout')::interval as heartbeat_timeout) as l
  ),
  -- those that devices sync
  device_streams as materialized (
    select s.* from streams as s where s.user_id is not null and s.source = v_source
  )
  select
    s.source,
    'failure',
    case
      when s.consecutive_failures >= (s.settings ->> 'runs.failure_threshold')::integer then 'critical'
      else 'warning'
    end,
    s.since,
    jsonb_build_object(
      'consecutive_failures', s.consecutive_failures,
      'failure_threshold', (s.settings ->> 'runs.failure_threshold')::integer,
      'last_failed_at', s.last_failed_at,
      'last_success_at', s.last_success_at
    ),
    s.advice,
    s.user_id,
    s.stream_id
  from streams as s
  where s.consecutive_failures > 0
  union all
  select
    s.source,
    'stale_data',
    case s.freshness when 'stale' then 'critical' else 'warning' end,
    s.due_at,
    jsonb_build_object(
      'last_success_at', s.last_success_at,
      'due_at', s.due_at,
      'late_at', s.late_at,
      'stale_at', s.stale_at,
      'expected_interval_seconds', extract(epoch from s.expected_interval),
      'overdue_seconds', round(extract(epoch from v_now - s.due_at))
    ),
    case
      when s.last_sync_at is null then 'It never ran: see why nothing runs it (scheduler, device, credentials).'
      else 'Run it, or see why nothing did (scheduler, device, credentials).'
    end,
    s.user_id,
    s.stream_id
  from streams as s
  where s.freshness in ('late', 'stale')
  union all
  select
    r.source,
    'stuck',
    'warning',
    coalesce(r.heartbeat_at, r.started_at),
    jsonb_build_object(
      'event_id', r.id,
      'cause', r.cause,
      'started_at', r.started_at,
      'heartbeat_at', r.heartbeat_at,
      'items_processed', r.items_processed,
      'silent_seconds', round(extract(epoch from v_now - coalesce(r.heartbeat_at, r.started_at))),
      'running_seconds', round(extract(epoch from v_now - r.started_at)),
      'heartbeat_timeout_seconds', extract(epoch from r.heartbeat_timeout),
      'max_runtime_seconds', extract(epoch from r.max_runtime)
    ),
    case r.cause
      when 'no_heartbeat' then 'Its worker is gone: let reap_sync_runs end the run, then start it again.'
      else 'It runs longer than it may: let reap_sync_runs end it, and raise max_runtime if it needs the time.'
    end,
    r.user_id,
    r.stream_id
  from open_runs as r
  where r.cause is not null
  union all
  -- alive, but it counts nothing any more; progress that belongs to no run is the org's
  select
    coalesce(s.source, p.source_system),
    'stuck',
    'warning',
    v_now - make_interval(secs => p.silent_seconds::double precision),
    jsonb_build_object(
      'sync_id', p.sync_id,
      'cause', 'no_progress',
      'started_at', p.started_at,
      'processed_count', p.processed_count,
      'total_items', p.total_items,
      'silent_seconds', round(p.silent_seconds),
      'stall_seconds', round(greatest(60, 5 * coalesce(p.ew_gap, 0), p.stall_seconds)::numeric)
    ),
    'See what its worker waits for; cancel_sync ends it.',
    case when e.id is null then p.initiated_by else s.user_id end,
    s.stream_id
  from syncwell.sync_progress_live as p
  left join syncwell.sync_events as e
    on e.org_id = p.org_id
    and e.status = 'started'
    and e.id = case when p.sync_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p.sync_id::uuid end
  left join streams as s on s.stream_id = e.stream_id
  where p.org_id = v_org_id
    and p.status = 'in_progress'
    and p.stalled
    and not exists (select from open_runs as r where r.id = e.id and r.cause is not null)
    and case
      -- a run of a stream that the caller may not see is not told of
      when e.id is not null then s.stream_id is not null
      else (p_source is null or p.source_system = p_source) and (p_user_id is null or p.initiated_by = p_user_id)
    end
  union all
  -- a stream may do well by its other devices and its pulls
  select
    s.source,
    'rejected_pushes',
    'warning',
    d.failing_since,
    jsonb_build_object(
      'device_id', syncwell._redact(s.org_id, s.user_id, nullif(d.device_id, '')),
      'platform', d.platform,
      'app_version', d.app_version,
      'error_code', d.last_error_code,
      'last_push', d.last_push,
      'last_pull', d.last_pull
    ),
    'What is changed on this device stays there: see why its pushes are refused (get_error_report shows it).',
    s.user_id,
    s.stream_id
  from device_streams as s
  join syncwell.sync_devices as d on d.org_id = s.org_id and d.user_id = s.user_id and d.failing_since is not null
  union all
  select
    s.source,
    'quarantine',
    'warning',
    q.oldest,
    jsonb_build_object(
      'device_id', syncwell._redact(s.org_id, s.user_id, nullif(q.device_id, '')),
      'records', q.records,
      'oldest', q.oldest,
      'newest', q.newest,
      'tables', q.tables,
      'error_codes', q.error_codes
    ),
    'Its device takes them for synced: see what is wrong with them (get_quarantined_records shows it), then correct the '
    'table or the app.',
    s.user_id,
    s.stream_id
  from device_streams as s
  cross join lateral (
    select
      r.device_id,
      count(*) as records,
      min(r.quarantined_at) as oldest,
      max(r.quarantined_at) as newest,
      array_agg(distinct r.table_name) as tables,
      array_agg(distinct r.error_code) as error_codes
    from syncwell.sync_quarantine as r
    where r.org_id = s.org_id and r.user_id = s.user_id and r.resolved_at is null
    group by r.device_id
  ) as q
  union all
  select
    s.source,
    'conflicts',
    'warning',
    c.oldest,
    jsonb_build_object(
      'device_id', syncwell._redact(s.org_id, s.user_id, nullif(c.device_id, '')),
      'conflicts', c.conflicts,
      'conflict_threshold', (s.settings ->> 'health.conflict_threshold')::integer,
      'hours', 24,
      'oldest', c.oldest,
      'newest', c.newest,
      'tables', c.tables
    ),
    'See which versions were dropped (get_sync_conflicts shows both), and who else writes these records.',
    s.user_id,
    s.stream_id
  from device_streams as s
  cross join lateral (
    select
      r.device_id,
      count(*) as conflicts,
      min(r.occurred_at) as oldest,
      max(r.occurred_at) as newest,
      array_agg(distinct r.table_name) as tables
    from syncwell.sync_conflicts as r
    where r.org_id = s.org_id
      and r.user_id = s.user_id
      and r.id >= v_day_ago
      and r.choice is null
    group by r.device_id
    having count(*) >= (s.settings ->> 'health.conflict_threshold')::integer
  ) as c;
end
$$;
comment on function syncwell._stream_issues(text, uuid, interval) is
'What is wrong with the streams the caller may see, as detect_sync_issues() tells it. p_stale_after: in place of '
'setting health.stale_after. Errors: SW001, SW002.';
revoke all on function syncwell._stream_issues(text, uuid, interval) from public;
