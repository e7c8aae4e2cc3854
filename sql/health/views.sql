create view syncwell.stream_health
with (security_invoker = true)
as
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
  h.reason,
  h.advice,
  syncwell._overlays(p.is_paused, w.mode in ('exclude', 'mute'), x.is_flapping, c.is_unevaluated) as overlays,
  h.expected_interval,
  h.due_at,
  h.late_at,
  h.stale_at,
  t.last_run_at as last_sync_at,
  t.last_status,
  t.last_successful_sync as last_success_at,
  t.last_failed_sync as last_failed_at,
  t.last_duration_ms,
  t.consecutive_failures,
  t.is_healthy,
  t.next_sync_at,
  t.total_runs,
  t.items_in_database,
  x.learned_interval,
  x.usual_duration_ms,
  x.drift_percent,
  x.drift_severity,
  case
    when k.work_depth is null then x.queue_depth
    else (least(coalesce(x.queue_depth, 0)::numeric + k.work_depth, 9223372036854775807))::bigint
  end as queue_depth,
  least(x.queue_oldest_at, k.work_oldest_at) as queue_oldest_at,
  s.registered_at
from syncwell._own_health_settings() as c
cross join syncwell.streams as s
left join syncwell.sync_state as t on s.org_id = t.org_id and s.stream_id = t.stream_id
left join syncwell.stream_states as x on s.org_id = x.org_id and s.stream_id = x.stream_id
cross join
  lateral (
    select
      case
        when c.overrides is null then c.limits
        else syncwell._stream_limits(c.limits, c.overrides, s.source, s.platform)
      end as limits,
      case
        when c.windows is not null then syncwell._window_mode(c.windows, s.source, s.user_id, s.platform)
      end as mode
  ) as w
cross join
  lateral (
    -- what waits on its devices and on the server; what was counted too long ago is not known
    select
      case when not c.is_unevaluated then x.work_depth end as work_depth,
      case when not c.is_unevaluated then x.work_oldest_at end as work_oldest_at,
      case when not c.is_unevaluated then x.work_counted_at end as work_counted_at
  ) as k
cross join
  lateral (select coalesce(w.mode = 'pause' or x.expect_from = 'infinity', false) as is_paused) as p
cross join
  lateral syncwell._stream_status(
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
where s.retired_at is null;
comment on view syncwell.stream_health is
'Who is not syncing, since when, and why: one row a live stream the reader may see, computed from maintained rows '
'when read (see _stream_status). Shows no error text, device or network.';
comment on column syncwell.stream_health.org_id is 'The org.';
comment on column syncwell.stream_health.stream_id is 'The stream.';
comment on column syncwell.stream_health.user_id is 'The user whose source it is; NULL for the org''s own.';
comment on column syncwell.stream_health.source is 'What is synced.';
comment on column syncwell.stream_health.platform is 'android, ios, web, server or other; NULL when not known.';
comment on column syncwell.stream_health.status is 'unknown, healthy, late, degraded or unhealthy.';
comment on column syncwell.stream_health.score is
'0 to 100: mean of the known parts by their weights (settings health.weight_…); NULL when none is known.';
comment on column syncwell.stream_health.freshness_score is
'100 up to due plus grace, falling to 0 at stale_at; NULL before the first success is due, while paused, and in grace '
'that began anew.';
comment on column syncwell.stream_health.reliability_score is
'0 to 100: success rate of the newest 20 runs, recent ones weighing more, minus a penalty for each failure in a row; '
'NULL without any.';
comment on column syncwell.stream_health.queue_score is
'100 while the oldest operation that waits on a device is no older than health.queue_good, falling to 0 at '
'health.queue_bad; NULL: no device told, and nothing was enqueued.';
comment on column syncwell.stream_health.drift_score is
'100 unless its volume is significantly off, then 100 minus the percentage; NULL: not known.';
comment on column syncwell.stream_health.speed_score is
'100 if the last run took no longer than usual, falling to 0 at health.speed_limit times that; NULL: not known, or it '
'did not succeed.';
comment on column syncwell.stream_health.freshness is 'fresh, late, stale or unknown.';
comment on column syncwell.stream_health.since is
'When the trouble began: the last success before failures, due_at of what is overdue; NULL when there is none.';
comment on column syncwell.stream_health.reason is 'Why the status is what it is; NULL when healthy.';
comment on column syncwell.stream_health.advice is 'What would make it better; NULL when healthy.';
comment on column syncwell.stream_health.overlays is
'What holds beside the status: flapping, maintenance (a window mutes or excludes it), paused (nothing is expected), '
'unevaluated (evaluate_health() has not looked for two of its intervals); empty when nothing does.';
comment on column syncwell.stream_health.expected_interval is
'How often a success is expected: as declared, or as learned, or setting health.stale_after; by its cron only once '
'that is overdue; NULL when nothing is expected.';
comment on column syncwell.stream_health.due_at is 'When the next success is expected; NULL when none is.';
comment on column syncwell.stream_health.late_at is
'due_at plus grace: from then on it is late; NULL for a cron that is not overdue.';
comment on column syncwell.stream_health.stale_at is
'From then on it is unhealthy for staleness; NULL for a cron that is not overdue.';
comment on column syncwell.stream_health.last_sync_at is 'When the last run ended; NULL when none did.';
comment on column syncwell.stream_health.last_status is 'How it ended: success, partial, failed, timeout or cancelled.';
comment on column syncwell.stream_health.last_success_at is 'When a run last succeeded, even if partly.';
comment on column syncwell.stream_health.last_failed_at is 'When a run last failed or timed out.';
comment on column syncwell.stream_health.last_duration_ms is 'How long the last run took.';
comment on column syncwell.stream_health.consecutive_failures is 'Failures since the last success.';
comment on column syncwell.stream_health.is_healthy is
'consecutive_failures < setting runs.failure_threshold when the last run ended; nothing more.';
comment on column syncwell.stream_health.next_sync_at is
'When the next run is expected, counted from the last end of a run.';
comment on column syncwell.stream_health.total_runs is 'Runs that have ended.';
comment on column syncwell.stream_health.items_in_database is
'Items created minus items deleted over all runs; NULL when never told.';
comment on column syncwell.stream_health.learned_interval is
'How often it usually succeeds; NULL: too little history.';
comment on column syncwell.stream_health.usual_duration_ms is
'95 % of its runs of the last 28 days that succeeded or failed took no longer; NULL without any.';
comment on column syncwell.stream_health.drift_percent is
'How far its volume is from what is expected, in percent of that; NULL: not known.';
comment on column syncwell.stream_health.drift_severity is
'learning, none, warning or critical; NULL: never checked.';
comment on column syncwell.stream_health.queue_depth is
'Operations that wait on its devices, as these last told, and in sync_queue, as evaluate_health() last counted; NULL: '
'not known.';
comment on column syncwell.stream_health.queue_oldest_at is 'Since when the oldest of them waits; NULL: none does.';
comment on column syncwell.stream_health.registered_at is 'When the stream was declared; NULL: it only ran.';
grant select on syncwell.stream_health to syncwell_reader;
