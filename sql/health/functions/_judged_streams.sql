create or replace function syncwell._judged_streams(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_source text,
  p_user_id uuid,
  p_stale_after interval,
  p_settings jsonb,
  p_overrides jsonb
)
returns table (
  org_id uuid,
  stream_id uuid,
  user_id uuid,
  source text,
  platform text,
  freshness text,
  expected_interval interval,
  due_at timestamptz,
  late_at timestamptz,
  stale_at timestamptz,
  last_sync_at timestamptz,
  last_status text,
  last_success_at timestamptz,
  last_failed_at timestamptz,
  last_duration_ms bigint,
  consecutive_failures integer,
  max_runtime interval,
  created_at timestamptz,
  registered_at timestamptz,
  usual_duration_ms bigint,
  usual_runs bigint,
  queue_depth bigint,
  queue_oldest_at timestamptz,
  queue_reported_at timestamptz,
  is_paused boolean,
  failure_threshold integer,
  heartbeat_timeout interval,
  error_rate numeric,
  error_rate_runs integer,
  failures integer,
  slow_after_ms bigint,
  start_timeout interval,
  queue_backlog interval,
  queue_bad interval,
  clock_skew interval,
  conflict_threshold integer
)
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with streams as materialized (
    select
      h.org_id, h.stream_id, h.user_id, h.source, h.platform, h.freshness, h.expected_interval, h.due_at, h.late_at,
      h.stale_at, h.last_sync_at, h.last_status, h.last_success_at, h.last_failed_at, h.last_duration_ms,
      h.consecutive_failures, h.max_runtime, h.created_at, h.registered_at, h.usual_duration_ms, h.usual_runs,
      h.recent_outcomes, h.queue_depth, h.queue_oldest_at, h.queue_reported_at,
      'paused' = any(h.overlays) as is_paused
    from syncwell._health_of(p_org_id, p_stream_ids, p_stale_after) as h
    where (p_source is null or h.source = p_source) and (p_user_id is null or h.user_id = p_user_id)
  ),
  -- read once for all that have the same
  limits as materialized (
    select
      k.source, k.platform,
      (d.settings ->> 'runs.failure_threshold')::integer as failure_threshold,
      (d.settings ->> 'runs.heartbeat_timeout')::interval as heartbeat_timeout,
      (d.settings ->> 'health.error_rate')::numeric as error_rate,
      (d.settings ->> 'health.error_rate_runs')::integer as error_rate_runs,
      (d.settings ->> 'health.slow_ratio')::numeric as slow_ratio,
      (extract(epoch from (d.settings ->> 'health.slow_margin')::interval) * 1000)::bigint as slow_margin_ms,
      (d.settings ->> 'health.slow_runs')::integer as slow_runs,
      (d.settings ->> 'health.start_timeout')::interval as start_timeout,
      (d.settings ->> 'health.queue_backlog')::interval as queue_backlog,
      (d.settings ->> 'health.queue_bad')::interval as queue_bad,
      (d.settings ->> 'health.clock_skew')::interval as clock_skew,
      (d.settings ->> 'health.conflict_threshold')::integer as conflict_threshold
    from (select distinct s.source, coalesce(s.platform, '') as platform from streams as s) as k
    cross join lateral (
      select syncwell._stream_settings(p_settings, p_overrides, k.source, nullif(k.platform, '')) as settings
    ) as d
  )
  select
    s.org_id, s.stream_id, s.user_id, s.source, s.platform, s.freshness, s.expected_interval, s.due_at, s.late_at,
    s.stale_at, s.last_sync_at, s.last_status, s.last_success_at, s.last_failed_at, s.last_duration_ms,
    s.consecutive_failures, s.max_runtime, s.created_at, s.registered_at, s.usual_duration_ms, s.usual_runs,
    s.queue_depth, s.queue_oldest_at, s.queue_reported_at, s.is_paused,
    l.failure_threshold, l.heartbeat_timeout, l.error_rate, l.error_rate_runs,
    -- fewer runs than it counts over have no rate
    case
      when length(s.recent_outcomes) >= l.error_rate_runs
        then l.error_rate_runs - bit_count(
          substring(s.recent_outcomes from length(s.recent_outcomes) - l.error_rate_runs + 1)
        )::integer
    end,
    case
      when s.usual_runs >= l.slow_runs
        then greatest(round(l.slow_ratio * s.usual_duration_ms), s.usual_duration_ms + l.slow_margin_ms)::bigint
    end,
    l.start_timeout, l.queue_backlog, l.queue_bad, l.clock_skew, l.conflict_threshold
  from streams as s
  inner join limits as l on l.source = s.source and l.platform = coalesce(s.platform, '');
end
$$;
comment on function syncwell._judged_streams(uuid, uuid[], text, uuid, interval, jsonb, jsonb) is
'The live streams of an org with what _issues_of() judges them by; parameters as there, and settings as '
'_health_settings() has them. failures: how many of the newest error_rate_runs runs failed, NULL when there were '
'fewer; slow_after_ms: a run that takes longer is slow (the larger of health.slow_ratio times and health.slow_margin '
'more than usual), NULL with fewer than health.slow_runs runs; the other limits are settings. A statement of its own, '
'since it is planned for the streams that are asked for.';
revoke all on function syncwell._judged_streams(uuid, uuid[], text, uuid, interval, jsonb, jsonb) from public;
