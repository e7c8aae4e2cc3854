create or replace function syncwell._issues_of(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_source text,
  p_user_id uuid,
  p_everything boolean,
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
  stream_id uuid,
  platform text,
  cause text
)
language plpgsql stable security invoker rows 100
set search_path = pg_catalog, pg_temp
-- also what a session planned while the tables were small, or for a small org, serves it when they have grown
set enable_seqscan = off
-- before PostgreSQL 18 a plan that can not do without a sequential scan looks dear enough to be compiled
set jit = off
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  -- what devices sync is the streams of this source
  v_source constant text := syncwell._sync_source(p_org_id);
  v_day_ago constant uuid := syncwell._uuid7_floor(v_now - interval '24 hours');
  v_settings jsonb;
  v_overrides jsonb;
begin
  select h.settings, h.overrides into v_settings, v_overrides from syncwell._health_settings(p_org_id) as h;
  -- All is looked up from the streams, one by one: nobody who plans this knows whether they are one or ten thousand, and
  -- joins that scan would scan for each.
  return query
  with judged as materialized (
    select j.*
    from syncwell._judged_streams(
      p_org_id, p_stream_ids, p_source, p_user_id, p_stale_after, v_settings, v_overrides
    ) as j
  ),
  running as materialized (
    select
      s.stream_id, s.user_id, s.source, s.platform, s.heartbeat_timeout, s.max_runtime, s.usual_duration_ms,
      s.slow_after_ms, s.start_timeout,
      r.id, r.started_at, r.heartbeat_at, r.items_processed,
      p.updated_at, p.last_progress_at, p.silent_seconds, p.processed_count, p.total_items, p.stall_seconds,
      -- the first of the five that holds names it; a run that never told of itself has all but the second
      case
        when p.status = 'pending' and p.updated_at < v_now - s.start_timeout
          and (r.heartbeat_at < v_now - s.heartbeat_timeout) is not true then 'never_started'
        when r.heartbeat_at < v_now - s.heartbeat_timeout then 'no_heartbeat'
        when p.stalled then 'no_progress'
        when r.started_at < v_now - s.max_runtime then 'over_max_runtime'
        when extract(epoch from v_now - r.started_at) * 1000 > s.slow_after_ms then 'unusually_long'
      end as cause
    from judged as s
    cross join lateral (
      select e.id, e.started_at, e.heartbeat_at, e.items_processed
      from syncwell.sync_events as e
      where e.org_id = s.org_id and e.stream_id = s.stream_id and e.status = 'started'
      offset 0
    ) as r
    left join lateral (
      select
        q.status, q.stalled, q.updated_at, q.last_progress_at, q.silent_seconds, q.processed_count, q.total_items,
        greatest(60, 5 * coalesce(q.ew_gap, 0), q.stall_seconds)::numeric as stall_seconds
      from syncwell.sync_progress_live as q
      where q.org_id = s.org_id and q.sync_id = r.id::text
      offset 0
    ) as p on true
  )
  select
    s.source,
    'failure',
    case when s.consecutive_failures >= s.failure_threshold then 'critical' else 'warning' end,
    coalesce(s.last_success_at, s.created_at),
    jsonb_build_object(
      'consecutive_failures', s.consecutive_failures,
      'failure_threshold', s.failure_threshold,
      'last_failed_at', s.last_failed_at,
      'last_success_at', s.last_success_at
    ),
    case
      when s.consecutive_failures >= s.failure_threshold
        then 'Remove the cause of the failures (get_error_report shows them), then run it again.'
      else format(
        'Remove the cause of the failure (get_error_report shows it); %s more and it is unhealthy.',
        s.failure_threshold - s.consecutive_failures
      )
    end,
    s.user_id,
    s.stream_id,
    s.platform,
    ''
  from judged as s
  where s.consecutive_failures > 0
  union all
  select
    s.source,
    case when m.is_missing then 'missing_source' else 'stale_data' end,
    case s.freshness when 'stale' then 'critical' else 'warning' end,
    s.due_at,
    jsonb_build_object(
      'due_at', s.due_at,
      'late_at', s.late_at,
      'stale_at', s.stale_at,
      'expected_interval_seconds', extract(epoch from s.expected_interval),
      'overdue_seconds', round(extract(epoch from v_now - s.due_at))
    ) || case
      when m.is_missing then jsonb_build_object('registered_at', s.registered_at)
      else jsonb_build_object('last_success_at', s.last_success_at)
    end,
    case
      when m.is_missing
        then 'It never ran: see why nothing runs it (scheduler, device, credentials), or unregister_stream it.'
      else 'Run it, or see why nothing did (scheduler, device, credentials).'
    end,
    s.user_id,
    s.stream_id,
    s.platform,
    ''
  from judged as s
  cross join lateral (
    select
      s.registered_at is not null
      and s.last_sync_at is null
      and not exists (
        select from syncwell.sync_events as e
        where e.org_id = s.org_id and e.stream_id = s.stream_id and e.status = 'started'
      ) as is_missing
    offset 0
  ) as m
  where s.freshness in ('late', 'stale') and not s.is_paused
  union all
  select
    r.source,
    'stuck',
    'warning',
    case r.cause
      when 'never_started' then r.updated_at
      when 'no_heartbeat' then r.heartbeat_at
      when 'no_progress' then r.last_progress_at
      else r.started_at
    end,
    jsonb_build_object(
      'event_id', r.id,
      'cause', r.cause,
      'started_at', r.started_at,
      'heartbeat_at', r.heartbeat_at,
      'running_seconds', round(extract(epoch from v_now - r.started_at))
    ) || case r.cause
      when 'never_started' then jsonb_build_object(
        'waiting_seconds', round(extract(epoch from v_now - r.updated_at)),
        'start_timeout_seconds', extract(epoch from r.start_timeout)
      )
      when 'no_progress' then jsonb_build_object(
        'processed_count', r.processed_count,
        'total_items', r.total_items,
        'silent_seconds', round(r.silent_seconds),
        'stall_seconds', round(r.stall_seconds)
      )
      else jsonb_build_object(
        'items_processed', r.items_processed,
        'silent_seconds', round(extract(epoch from v_now - coalesce(r.heartbeat_at, r.started_at))),
        'heartbeat_timeout_seconds', extract(epoch from r.heartbeat_timeout),
        'max_runtime_seconds', extract(epoch from r.max_runtime)
      )
    end || case r.cause
      when 'unusually_long' then jsonb_build_object(
        'usual_seconds', round(r.usual_duration_ms / 1000.0, 3),
        'limit_seconds', round(r.slow_after_ms / 1000.0, 3)
      )
      else '{}'
    end,
    case r.cause
      when 'never_started' then 'It has a run and does nothing: see what its worker waits for; cancel_sync_run ends it.'
      when 'no_heartbeat' then 'Its worker is gone: let reap_sync_runs end the run, then start it again.'
      when 'no_progress' then 'See what its worker waits for; cancel_sync ends it.'
      when 'over_max_runtime'
        then 'It runs longer than it may: let reap_sync_runs end it, and raise max_runtime if it needs the time.'
      else 'See what takes it so long; cancel_sync_run ends it, and from max_runtime on reap_sync_runs does.'
    end,
    r.user_id,
    r.stream_id,
    r.platform,
    r.id::text
  from running as r
  where r.cause is not null
  union all
  -- progress that belongs to no run is the org's
  select
    p.source_system,
    'stuck',
    'warning',
    case p.status
      when 'pending' then p.updated_at
      else p.last_progress_at
    end,
    jsonb_build_object(
      'sync_id', p.sync_id,
      'started_at', p.started_at
    ) || case p.status
      when 'pending' then jsonb_build_object(
        'cause', 'never_started',
        'waiting_seconds', round(extract(epoch from v_now - p.updated_at)),
        'start_timeout_seconds', extract(epoch from w.start_timeout)
      )
      else jsonb_build_object(
        'cause', 'no_progress',
        'processed_count', p.processed_count,
        'total_items', p.total_items,
        'silent_seconds', round(p.silent_seconds),
        'stall_seconds', round(p.stall_seconds)
      )
    end,
    case p.status
      when 'pending' then 'See why no worker takes it up; cancel_sync ends it.'
      else 'See what its worker waits for; cancel_sync ends it.'
    end,
    p.initiated_by,
    null,
    null,
    p.sync_id
  from (
    select
      q.sync_id, q.source_system, q.initiated_by, q.status, q.started_at, q.updated_at, q.processed_count,
      q.total_items, q.last_progress_at, q.silent_seconds,
      greatest(60, 5 * coalesce(q.ew_gap, 0), q.stall_seconds)::numeric as stall_seconds,
      case when q.sync_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then q.sync_id::uuid end as event_id
    from syncwell.sync_progress_live as q
    where q.org_id = p_org_id and q.status in ('pending', 'in_progress') and (q.stalled or q.status = 'pending')
  ) as p
  left join lateral (
    select e.id from syncwell.sync_events as e where e.org_id = p_org_id and e.id = p.event_id limit 1
  ) as r on true
  cross join lateral (
    select (
      syncwell._stream_settings(v_settings, v_overrides, p.source_system, null) ->> 'health.start_timeout'
    )::interval as start_timeout
  ) as w
  where r.id is null
    and (p.status <> 'pending' or p.updated_at < v_now - w.start_timeout)
    and (p_source is null or p.source_system = p_source)
    and (p_user_id is null or p.initiated_by = p_user_id)
  union all
  -- claimed, and then nobody came: what is only due waits for its turn
  select
    s.source,
    'stuck',
    'warning',
    e.retry_lease_until,
    jsonb_build_object(
      'error_id', e.id,
      'cause', 'never_started',
      'due_at', e.next_retry_at,
      'lease_until', e.retry_lease_until,
      'waiting_seconds', round(extract(epoch from v_now - e.next_retry_at)),
      'attempt', e.retry_count + 1
    ),
    'The worker that claimed this retry never started it: see where it is; claim_due_retries hands it out again.',
    s.user_id,
    s.stream_id,
    s.platform,
    e.id::text
  from judged as s
  cross join lateral (
    select r.id, r.next_retry_at, r.retry_lease_until, r.retry_count
    from syncwell.sync_errors as r
    where r.org_id = s.org_id
      and r.stream_id = s.stream_id
      and r.resolved_at is null
      and r.next_retry_at <= v_now
      and r.retry_lease_until <= v_now
    offset 0
  ) as e
  union all
  -- what fails in a row from the threshold on is told as that
  select
    s.source,
    'high_error_rate',
    'warning',
    f.first_failed_at,
    jsonb_build_object(
      'error_rate', round(s.failures::numeric / s.error_rate_runs, 3),
      'failures', s.failures,
      'runs', s.error_rate_runs,
      'error_rate_threshold', s.error_rate,
      'last_failed_at', s.last_failed_at,
      'last_success_at', s.last_success_at
    ),
    'See what its failures have in common (get_error_report shows them).',
    s.user_id,
    s.stream_id,
    s.platform,
    ''
  from judged as s
  cross join lateral (
    select min(n.completed_at) as first_failed_at
    from (
      select e.completed_at
      from syncwell.sync_events as e
      where e.org_id = s.org_id and e.stream_id = s.stream_id and e.status in ('failed', 'timeout')
      order by e.id desc
      limit s.failures
    ) as n
  ) as f
  where s.failures >= s.error_rate * s.error_rate_runs
    and s.consecutive_failures < s.failure_threshold
  union all
  select
    s.source,
    'slow',
    'warning',
    s.last_sync_at - make_interval(secs => s.last_duration_ms / 1000.0),
    jsonb_build_object(
      'duration_seconds', round(s.last_duration_ms / 1000.0, 3),
      'usual_seconds', round(s.usual_duration_ms / 1000.0, 3),
      'limit_seconds', round(s.slow_after_ms / 1000.0, 3),
      'usual_runs', s.usual_runs,
      'last_sync_at', s.last_sync_at
    ),
    'See what its last run spent the time on (analyze_sync_performance compares types, platforms and networks).',
    s.user_id,
    s.stream_id,
    s.platform,
    ''
  from judged as s
  where s.last_status in ('success', 'partial') and s.last_duration_ms > s.slow_after_ms
  union all
  select
    s.source,
    'queue_backlog',
    case when s.queue_oldest_at <= v_now - s.queue_bad then 'critical' else 'warning' end,
    s.queue_oldest_at,
    jsonb_build_object(
      'queue_depth', s.queue_depth,
      'oldest_pending_at', s.queue_oldest_at,
      'waiting_seconds', round(extract(epoch from v_now - s.queue_oldest_at)),
      'backlog_seconds', extract(epoch from s.queue_backlog),
      'critical_seconds', extract(epoch from s.queue_bad),
      'reported_at', s.queue_reported_at
    ),
    'What waits on the device is nowhere else: see why it does not sync (network, battery, sign-in), or start a sync '
    'there.',
    s.user_id,
    s.stream_id,
    s.platform,
    ''
  from judged as s
  where s.queue_oldest_at < v_now - s.queue_backlog
  union all
  select
    s.source,
    'clock_skew',
    'info',
    d.received_at,
    jsonb_build_object(
      'device_id', syncwell._redact(s.org_id, s.user_id, nullif(d.device_id, '')),
      'platform', d.platform,
      'reported_at', d.reported_at,
      'received_at', d.received_at,
      'ahead_seconds', round(extract(epoch from d.reported_at - d.received_at), 3),
      'clock_skew_seconds', extract(epoch from s.clock_skew)
    ),
    'The times this device tells are ahead: let it set its clock by the network.',
    s.user_id,
    s.stream_id,
    s.platform,
    md5(d.device_id)
  from judged as s
  cross join lateral (
    select h.device_id, h.platform, h.reported_at, h.received_at
    from syncwell.sync_health as h
    where h.org_id = s.org_id and h.stream_id = s.stream_id and h.reported_at > h.received_at + s.clock_skew
    offset 0
  ) as d
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
    s.stream_id,
    s.platform,
    md5(d.device_id)
  from judged as s
  cross join lateral (
    select c.device_id, c.platform, c.app_version, c.failing_since, c.last_error_code, c.last_push, c.last_pull
    from syncwell.sync_devices as c
    where c.org_id = s.org_id and c.user_id = s.user_id and c.failing_since is not null
    offset 0
  ) as d
  where s.source = v_source
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
    s.stream_id,
    s.platform,
    md5(q.device_id)
  from judged as s
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
  where s.source = v_source
  union all
  select
    s.source,
    'conflicts',
    'warning',
    c.oldest,
    jsonb_build_object(
      'device_id', syncwell._redact(s.org_id, s.user_id, nullif(c.device_id, '')),
      'conflicts', c.conflicts,
      'conflict_threshold', s.conflict_threshold,
      'hours', 24,
      'oldest', c.oldest,
      'newest', c.newest,
      'tables', c.tables
    ),
    'See which versions were dropped (get_sync_conflicts shows both), and who else writes these records.',
    s.user_id,
    s.stream_id,
    s.platform,
    md5(c.device_id)
  from judged as s
  cross join lateral (
    select
      r.device_id,
      count(*) as conflicts,
      min(r.occurred_at) as oldest,
      max(r.occurred_at) as newest,
      array_agg(distinct r.table_name) as tables
    from syncwell.sync_conflicts as r
    where r.org_id = s.org_id and r.user_id = s.user_id and r.id >= v_day_ago and r.choice is null
    group by r.device_id
    having count(*) >= s.conflict_threshold
  ) as c
  where s.source = v_source;

  -- volume, of streams and of what they make together, which is nobody's own
  return query
  select
    f.source,
    f.issue_type,
    f.severity,
    f.since,
    f.evidence,
    f.suggestion,
    f.user_id,
    f.stream_id,
    f.platform,
    case when f.stream_id is null then concat_ws('|', f.source, f.platform) else '' end
  from syncwell._volume_findings(p_org_id, p_stream_ids, p_everything and p_user_id is null) as f
  where (p_source is null or f.source = p_source)
    and (p_user_id is null or f.user_id = p_user_id)
    and not exists (
      select from syncwell._active_windows(p_org_id, v_now) as w
      where w.mode = 'pause' and syncwell._window_fits(w, f.source, f.user_id, f.platform)
    );

  return query
  select i.*
  from syncwell._session_issues(
    p_org_id, p_stream_ids, p_source, p_user_id, p_everything, (v_settings ->> 'health.integrity_critical')::numeric
  ) as i;

  if p_everything and (p_source is null or p_source = v_source) and p_user_id is null then
    return query
    select
      v_source,
      'integrity',
      'critical',
      null::timestamptz,
      jsonb_build_object(
        'table', t.table_name,
        'problems', jsonb_agg(
          jsonb_build_object('relation', coalesce(p.relation, t.relation)::text, 'problem', p.problem)
          order by coalesce(p.relation, t.relation) <> t.relation, coalesce(p.relation, t.relation)::text, p.problem
        )
      ),
      'Changes of this table may not reach devices. For its owner: ' || min(p.hint),
      null::uuid,
      null::uuid,
      null::text,
      t.table_name
    from syncwell.synced_tables as t
    cross join lateral syncwell._tracking_problems(t.table_id) as p
    group by t.table_id, t.table_name, t.relation;
  end if;
end
$$;
comment on function syncwell._issues_of(uuid, uuid[], text, uuid, boolean, interval) is
'Everything that is wrong with an org''s streams now, for detect_sync_issues() and evaluate_health(). p_stream_ids: '
'those streams, NULL = all live ones; p_source, p_user_id: only of this source or user, NULL = any; p_everything: '
'also what belongs to no stream of anybody (tracking of tables, volume of a source as a whole, sessions), for callers '
'who see the org; p_stale_after: in place of setting health.stale_after. cause: what tells several issues of one type '
'and stream apart, the same from call to call: the run, retry or sync that is stuck, a digest of the device, the '
'table, source and platform of what is many streams'' together, what is wrong with sessions; empty where there is one '
'at most. Needs no identity and checks none: its callers do.';
revoke all on function syncwell._issues_of(uuid, uuid[], text, uuid, boolean, interval) from public;
