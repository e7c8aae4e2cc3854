create or replace function syncwell._health_of(
  p_org_id uuid,
  p_stream_ids uuid[] default null,
  p_stale_after interval default null
)
returns table (
  org_id uuid,
  stream_id uuid,
  user_id uuid,
  source text,
  platform text,
  status text,
  score numeric,
  freshness_score numeric,
  reliability_score numeric,
  queue_score numeric,
  drift_score numeric,
  speed_score numeric,
  freshness text,
  since timestamptz,
  expected_interval interval,
  due_at timestamptz,
  late_at timestamptz,
  stale_at timestamptz,
  reason text,
  advice text,
  overlays text[],
  window_mode text,
  is_flapping boolean,
  cron text,
  time_zone text,
  active_hours text,
  registered_at timestamptz,
  created_at timestamptz,
  max_runtime interval,
  last_sync_at timestamptz,
  last_status text,
  last_success_at timestamptz,
  last_failed_at timestamptz,
  last_duration_ms bigint,
  consecutive_failures integer,
  recent_outcomes varbit,
  is_healthy boolean,
  next_sync_at timestamptz,
  items_in_database bigint,
  learned_interval interval,
  usual_duration_ms bigint,
  usual_runs bigint,
  drift_percent numeric,
  drift_severity text,
  drift_since timestamptz,
  queue_depth bigint,
  queue_oldest_at timestamptz,
  queue_reported_at timestamptz
)
-- unpinned: written into the statement that calls it, so that what that one leaves out costs nothing
language sql stable security invoker rows 1000
as $$
  select
    s.org_id,
    s.stream_id,
    s.user_id,
    s.source,
    s.platform,
    h.status,
    h.score,
    h.freshness_score,
    h.reliability_score,
    h.queue_score,
    h.drift_score,
    h.speed_score,
    h.freshness,
    h.since,
    h.expected_interval,
    h.due_at,
    h.late_at,
    h.stale_at,
    h.reason,
    h.advice,
    syncwell._overlays(p.is_paused, w.mode in ('exclude', 'mute'), x.is_flapping, c.is_unevaluated),
    w.mode,
    coalesce(x.is_flapping, false),
    s.cron,
    coalesce(s.time_zone, c.time_zone),
    s.active_hours,
    s.registered_at,
    s.created_at,
    coalesce(s.max_runtime, (w.limits)."runs.max_runtime"),
    t.last_run_at,
    t.last_status,
    t.last_successful_sync,
    t.last_failed_sync,
    t.last_duration_ms,
    t.consecutive_failures,
    t.recent_outcomes,
    t.is_healthy,
    t.next_sync_at,
    t.items_in_database,
    x.learned_interval,
    x.usual_duration_ms,
    coalesce(x.usual_runs, 0),
    x.drift_percent,
    x.drift_severity,
    x.drift_since,
    case
      when k.work_depth is null then x.queue_depth
      else (least(coalesce(x.queue_depth, 0)::numeric + k.work_depth, 9223372036854775807))::bigint
    end,
    least(x.queue_oldest_at, k.work_oldest_at),
    greatest(x.queue_reported_at, k.work_counted_at)
  from syncwell._health_context(p_org_id, p_stale_after) as c
  inner join syncwell.streams as s on s.org_id = p_org_id
  left join syncwell.sync_state as t on s.org_id = t.org_id and s.stream_id = t.stream_id
  left join syncwell.stream_states as x on s.org_id = x.org_id and s.stream_id = x.stream_id
  cross join lateral (
    select
      case
        when c.overrides is null then c.limits
        else syncwell._stream_limits(c.limits, c.overrides, s.source, s.platform)
      end as limits,
      case
        when c.windows is not null then syncwell._window_mode(c.windows, s.source, s.user_id, s.platform)
      end as mode
    -- worked out once, not for each mention
    offset 0
  ) as w
  cross join lateral (
    -- what waits on its devices and on the server; what was counted too long ago is not known
    select
      case when not c.is_unevaluated then x.work_depth end as work_depth,
      case when not c.is_unevaluated then x.work_oldest_at end as work_oldest_at,
      case when not c.is_unevaluated then x.work_counted_at end as work_counted_at
  ) as k
  cross join lateral (
    -- evaluate_health() may not have seen a pause yet, and one that it has seen lasts until it ends it
    select coalesce(w.mode = 'pause' or x.expect_from = 'infinity', false) as is_paused
  ) as p
  cross join lateral syncwell._stream_status(
    row(
      s.expected_interval, s.cron, coalesce(s.time_zone, c.time_zone), s.active_hours, s.registered_at, s.created_at,
      t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync, t.last_duration_ms,
      t.consecutive_failures, t.recent_outcomes, t.next_sync_at,
      x.learned_interval, x.usual_duration_ms, x.usual_runs, x.drift_percent, x.drift_severity,
      least(x.queue_oldest_at, k.work_oldest_at), coalesce(x.queue_reported_at, k.work_counted_at), x.expect_from,
      c.judge_from, p.is_paused
    )::syncwell.stream_facts,
    w.limits,
    c.computed_at
  ) as h
  where s.retired_at is null
    and (p_stream_ids is null or s.stream_id = any(p_stream_ids))
$$;
comment on function syncwell._health_of(uuid, uuid[], interval) is
'Status, score, overlays and facts of an org''s live streams, as of now: all of them, or those of p_stream_ids. '
'p_stale_after: in place of setting health.stale_after. time_zone: the org''s where the stream has none; max_runtime: '
'setting runs.max_runtime where the stream declares none; window_mode: the strongest maintenance window that is on '
'(pause, exclude, mute), NULL when none is. Needs no identity and checks none: its callers do.';
revoke all on function syncwell._health_of(uuid, uuid[], interval) from public;
