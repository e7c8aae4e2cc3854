create or replace function syncwell._metric_families()
returns table (
  place integer,
  metric text,
  part text,
  kind text,
  help text
)
language sql immutable security invoker rows 30
begin atomic
  select
    f.place,
    f.metric,
    f.part,
    f.kind,
    f.help
  from (
    values
    (1, 'sync_runs_total', 'totals', 'counter', 'Runs that ended, by status: success (also in part) or failed.'),
    (2, 'sync_runs_started_total', 'totals', 'counter', 'Runs that were started.'),
    (3, 'sync_run_duration_seconds', 'totals', 'histogram', 'How long runs took that succeeded or failed.'),
    (4, 'sync_items_total', 'totals', 'counter', 'Items that runs processed.'),
    (5, 'sync_retry_attempts_total', 'totals', 'counter', 'Retries that were granted.'),
    (6, 'sync_streams', 'streams', 'gauge', 'Streams in each state, as last evaluated.'),
    (7, 'sync_health_status', 'streams', 'gauge', '1 for the worst state of its streams, 0 for all others.'),
    (8, 'sync_last_success_timestamp_seconds', 'streams', 'gauge', 'When a run last succeeded.'),
    (9, 'sync_last_run_timestamp_seconds', 'streams', 'gauge', 'When a run last ended.'),
    (10, 'sync_next_due_timestamp_seconds', 'streams', 'gauge', 'When the next run is expected of any stream.'),
    (11, 'sync_consecutive_failures', 'streams', 'gauge', 'Failures since the last success, of the worst stream.'),
    (12, 'sync_slo_objective_ratio', 'streams', 'gauge', 'Share of runs that should succeed, as declared.'),
    (13, 'sync_drift_ratio', 'streams', 'gauge', 'How far the volume is off, while that is significant; -1: gone.'),
    (14, 'sync_circuit_state', 'work', 'gauge', '1 for the state of the circuit breaker, 0 for all others.'),
    (15, 'sync_run_active', 'runs', 'gauge', 'Runs under way.'),
    (16, 'sync_run_stuck', 'runs', 'gauge', 'Runs under way that are silent or last too long.'),
    (17, 'sync_run_progress_ratio', 'runs', 'gauge', 'Share of the items handled, of syncs that tell progress.'),
    (18, 'sync_run_eta_seconds', 'runs', 'gauge', 'When the last of them will be done, where that is known.'),
    (19, 'sync_queue_items', 'work', 'gauge', 'Operations in the queue, by state.'),
    (20, 'sync_queue_oldest_ready_timestamp_seconds', 'work', 'gauge', 'Since when the oldest of them is ready.'),
    (21, 'sync_issues_open', 'work', 'gauge', 'Issues that are not resolved.'),
    (
      22, 'sync_evaluator_last_tick_timestamp_seconds', 'installation', 'gauge',
      'When health was last evaluated, of the org where that is longest ago; 0: never.'
    ),
    (23, 'sync_rollup_lag_seconds', 'installation', 'gauge', 'How old the counters are; 0: up to date.'),
    (24, 'sync_partition_months_ahead', 'installation', 'gauge', 'Months for which partitions exist.'),
    (25, 'sync_partition_default_rows', 'installation', 'gauge', 'Rows in the default partition, up to 1000.'),
    (26, 'sync_build_info', 'installation', 'info', 'The newest migration of the schema.')
  ) as f (place, metric, part, kind, help);
end;
comment on function syncwell._metric_families() is
'The metrics that there are, in their order: the part that knows them, their type and their help.';
revoke all on function syncwell._metric_families() from public;
