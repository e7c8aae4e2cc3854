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
  s.registered_at
from syncwell.streams as s
cross join syncwell._own_health_settings() as c
left join syncwell.sync_state as t on s.org_id = t.org_id and s.stream_id = t.stream_id
cross join
  lateral syncwell._stream_status(
    row(
      s.expected_interval, s.cron, coalesce(s.time_zone, c.time_zone), s.registered_at, s.created_at,
      t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync,
      t.consecutive_failures, t.recent_outcomes, t.next_sync_at
    )::syncwell.stream_facts,
    syncwell._stream_settings(c.settings, c.overrides, s.source, s.platform),
    syncwell._now()
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
'100 up to due plus grace, falling to 0 at stale_at; NULL before the first success is due.';
comment on column syncwell.stream_health.reliability_score is
'0 to 100: success rate of the newest 20 runs, recent ones weighing more, minus a penalty for each failure in a row; '
'NULL without any.';
comment on column syncwell.stream_health.queue_score is '0 to 100; NULL: nothing measures the stream''s queue.';
comment on column syncwell.stream_health.drift_score is '0 to 100; NULL: nothing measures the stream''s drift.';
comment on column syncwell.stream_health.speed_score is '0 to 100; NULL: nothing measures the stream''s speed.';
comment on column syncwell.stream_health.freshness is 'fresh, late, stale or unknown.';
comment on column syncwell.stream_health.since is
'When the trouble began: the last success before failures, due_at of what is overdue; NULL when there is none.';
comment on column syncwell.stream_health.reason is 'Why the status is what it is; NULL when healthy.';
comment on column syncwell.stream_health.advice is 'What would make it better; NULL when healthy.';
comment on column syncwell.stream_health.expected_interval is
'How often a success is expected: as declared, or setting health.stale_after; by its cron only once that is overdue; '
'NULL when nothing is expected.';
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
comment on column syncwell.stream_health.registered_at is 'When the stream was declared; NULL: it only ran.';
grant select on syncwell.stream_health to syncwell_reader;
