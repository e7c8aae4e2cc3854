-- runs: the ledger of every sync, what each stream is at, its errors, and what is remembered of a source as a whole.

create table syncwell.sync_events (
  org_id uuid not null,
  id uuid not null,
  stream_id uuid not null,
  user_id uuid,
  source text not null,
  sync_type text not null
  constraint sync_events_type_is_known check (sync_type in ('full', 'incremental', 'webhook', 'manual')),
  status text not null default 'started'
  constraint sync_events_status_is_known
  check (status in ('started', 'success', 'partial', 'failed', 'timeout', 'cancelled')),
  started_at timestamptz not null,
  completed_at timestamptz,
  duration_ms bigint constraint sync_events_take_no_negative_time check (duration_ms >= 0),
  items_processed bigint,
  items_created bigint,
  items_updated bigint,
  items_deleted bigint,
  items_failed bigint,
  direction text constraint sync_events_direction_is_known check (direction in ('pull', 'push')),
  bytes bigint,
  error_id uuid,
  error_type text,
  error_code text,
  error_message text,
  sync_token_before text,
  sync_token_after text,
  platform text,
  device_id text,
  network_type text,
  network_quality text,
  attempt integer not null default 1,
  parent_id uuid,
  run_key text,
  lease uuid not null,
  heartbeat_at timestamptz,
  primary key (org_id, id),
  constraint sync_events_end_when_they_are_over
  check ((status = 'started') = (completed_at is null) and (completed_at is null) = (duration_ms is null)),
  constraint sync_events_count_nothing_negative
  check (least(items_processed, items_created, items_updated, items_deleted, items_failed, bytes) >= 0)
) partition by range (id);
create index sync_events_by_stream on syncwell.sync_events (org_id, stream_id, id);
create index sync_events_by_source on syncwell.sync_events (org_id, source, id);
create index sync_events_running on syncwell.sync_events (org_id, stream_id) where status = 'started';
-- what is rare is found without reading all that went well, of an org or of one stream
create index sync_events_not_well on syncwell.sync_events (org_id, id)
where status in ('partial', 'failed', 'timeout', 'cancelled');
create index sync_events_not_well_by_stream on syncwell.sync_events (org_id, stream_id, id)
where status in ('partial', 'failed', 'timeout', 'cancelled');
create index sync_events_webhooks on syncwell.sync_events (org_id, id) where sync_type = 'webhook';
create index sync_events_webhooks_by_stream on syncwell.sync_events (org_id, stream_id, id) where sync_type = 'webhook';
comment on table syncwell.sync_events is
'One row a run of a stream, partitioned by month on its UUIDv7 id. Kept for setting runs.retention.';
comment on column syncwell.sync_events.org_id is 'The org.';
comment on column syncwell.sync_events.id is 'The run''s id: a UUIDv7 of started_at, so that ids sort by start.';
comment on column syncwell.sync_events.stream_id is 'The stream that ran.';
comment on column syncwell.sync_events.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_events.source is 'What was synced.';
comment on column syncwell.sync_events.sync_type is 'full, incremental, webhook or manual.';
comment on column syncwell.sync_events.status is
'started; success; partial: completed, but items failed; failed: its worker said so; timeout: the reaper ended it; '
'cancelled: somebody called it off.';
comment on column syncwell.sync_events.started_at is 'When the run started.';
comment on column syncwell.sync_events.completed_at is 'When the run ended, however it did; NULL while it runs.';
comment on column syncwell.sync_events.duration_ms is 'Milliseconds from start to end; NULL while it runs.';
comment on column syncwell.sync_events.items_processed is 'Items handled; NULL when not told.';
comment on column syncwell.sync_events.items_created is 'Items that are new; NULL when not told.';
comment on column syncwell.sync_events.items_updated is 'Items changed; NULL when not told.';
comment on column syncwell.sync_events.items_deleted is 'Items deleted; NULL when not told.';
comment on column syncwell.sync_events.items_failed is 'Items that could not be handled; NULL when not told.';
comment on column syncwell.sync_events.direction is
'pull: from the server to a device; push: from a device to the server; NULL when not told.';
comment on column syncwell.sync_events.bytes is 'Bytes that were transferred; NULL when not told.';
comment on column syncwell.sync_events.error_id is
'While it runs: the error this run retries. After a failure: the error it wrote (sync_errors.id).';
comment on column syncwell.sync_events.error_type is 'Type of the error, see classify_sync_error(); NULL without one.';
comment on column syncwell.sync_events.error_code is 'The code as the worker gave it.';
comment on column syncwell.sync_events.error_message is 'The message without secrets; NULL where consent is missing.';
comment on column syncwell.sync_events.sync_token_before is 'Where the run took up the source.';
comment on column syncwell.sync_events.sync_token_after is 'Where the next run goes on.';
comment on column syncwell.sync_events.platform is 'android, ios, web, server or other; NULL when not known.';
comment on column syncwell.sync_events.device_id is 'The device that ran it; NULL when not told or without consent.';
comment on column syncwell.sync_events.network_type is 'e.g. wifi, cellular; NULL when not told or without consent.';
comment on column syncwell.sync_events.network_quality is 'e.g. good, poor; NULL when not told or without consent.';
comment on column syncwell.sync_events.attempt is '1 for a first try, 2 for the first retry, and so on.';
comment on column syncwell.sync_events.parent_id is 'The failed run that this one retries; NULL for none.';
comment on column syncwell.sync_events.run_key is
'The worker''s own name for the run: two starts with one key are one run.';
comment on column syncwell.sync_events.lease is
'Who may go on with the run: the reaper changes it, so that a late worker is refused.';
comment on column syncwell.sync_events.heartbeat_at is 'The last sign of life; NULL when the worker sends none.';

create table syncwell.sync_run_keys (
  org_id uuid not null,
  stream_id uuid not null,
  run_key text not null,
  event_id uuid not null,
  user_id uuid,
  created_at timestamptz not null,
  primary key (org_id, stream_id, run_key)
);
create index sync_run_keys_by_age on syncwell.sync_run_keys (created_at);
comment on table syncwell.sync_run_keys is
'Which run a run key stands for. A table of its own: a unique index over partitions could not promise one run a key. '
'Kept for setting runs.run_key_retention.';

comment on column syncwell.sync_run_keys.org_id is 'The org.';
comment on column syncwell.sync_run_keys.stream_id is 'The stream that the key is a name in.';
comment on column syncwell.sync_run_keys.run_key is 'The worker''s own name for the run.';
comment on column syncwell.sync_run_keys.event_id is 'The run it stands for (sync_events.id).';
comment on column syncwell.sync_run_keys.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_run_keys.created_at is 'When the run started.';

create table syncwell.sync_state (
  org_id uuid not null,
  stream_id uuid not null,
  user_id uuid,
  last_sync_token text,
  last_full_sync timestamptz,
  last_incremental_sync timestamptz,
  last_successful_sync timestamptz,
  last_failed_sync timestamptz,
  last_status text,
  last_run_at timestamptz,
  last_duration_ms bigint,
  consecutive_failures integer not null default 0,
  is_healthy boolean not null default true,
  health_check_at timestamptz,
  expected_interval interval,
  next_sync_at timestamptz,
  recent_outcomes bit varying(20) not null default b'',
  total_runs bigint not null default 0,
  items_in_database bigint,
  primary key (org_id, stream_id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade
  -- hot: every end of a run writes it, and no changing column may be indexed
) with (fillfactor = 70);
comment on table syncwell.sync_state is 'What each stream is at: one row a stream, written at the end of every run.';
comment on column syncwell.sync_state.org_id is 'The org.';
comment on column syncwell.sync_state.stream_id is 'The stream.';
comment on column syncwell.sync_state.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_state.last_sync_token is
'Where the next run goes on: the last token a success or partial run gave.';
comment on column syncwell.sync_state.last_full_sync is 'End of the last full run that succeeded, even if partly.';
comment on column syncwell.sync_state.last_incremental_sync is
'End of the last incremental run that succeeded, even if partly.';
comment on column syncwell.sync_state.last_successful_sync is
'End of the last run of any type that succeeded, even if partly.';
comment on column syncwell.sync_state.last_failed_sync is 'End of the last run that failed or timed out.';
comment on column syncwell.sync_state.last_status is 'How the last run ended; NULL before the first end.';
comment on column syncwell.sync_state.last_run_at is 'When the last run ended.';
comment on column syncwell.sync_state.last_duration_ms is 'How long the last run took.';
comment on column syncwell.sync_state.consecutive_failures is
'Failures and timeouts since the last success or partial run; cancelled runs count as neither.';
comment on column syncwell.sync_state.is_healthy is
'consecutive_failures < setting runs.failure_threshold, as of health_check_at; nothing more.';
comment on column syncwell.sync_state.health_check_at is 'When is_healthy was last decided.';
comment on column syncwell.sync_state.expected_interval is
'How often a success is expected, as the stream declares it.';
comment on column syncwell.sync_state.next_sync_at is
'When the next run is expected: by cron, else last end + expected_interval, else NULL.';
comment on column syncwell.sync_state.recent_outcomes is
'The last 20 outcomes, newest rightmost: 1 = success or partial, 0 = failed or timeout; cancelled runs left out.';
comment on column syncwell.sync_state.total_runs is 'Runs that have ended, cancelled ones included.';
comment on column syncwell.sync_state.items_in_database is
'Items created minus items deleted over all runs but pulls, which change nothing there; NULL when never told.';

create table syncwell.sync_errors (
  org_id uuid not null,
  id uuid not null,
  stream_id uuid not null,
  user_id uuid,
  source text not null,
  event_id uuid,
  fingerprint text not null,
  error_type text not null,
  error_class text not null constraint sync_errors_class_is_known
  check (error_class in ('transient', 'throttled', 'auth', 'conflict', 'permanent', 'unknown')),
  error_code text,
  http_status integer,
  error_message text,
  error_details jsonb,
  retry_count integer not null default 0,
  next_retry_at timestamptz,
  lane text not null default 'none' constraint sync_errors_lane_is_known check (lane in ('fast', 'slow', 'none')),
  reason text,
  retry_lease uuid,
  retry_lease_until timestamptz,
  resolved_at timestamptz,
  created_at timestamptz not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  occurrences bigint not null default 1,
  primary key (org_id, id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade,
  constraint sync_errors_without_a_lane_wait_for_nothing check (lane <> 'none' or next_retry_at is null)
);
create unique index sync_errors_are_open_once on syncwell.sync_errors (org_id, stream_id, fingerprint)
where resolved_at is null;
create index sync_errors_by_stream on syncwell.sync_errors (org_id, stream_id, last_seen);
create index sync_errors_by_source on syncwell.sync_errors (org_id, source, last_seen);
create index sync_errors_due on syncwell.sync_errors (next_retry_at)
where resolved_at is null and next_retry_at is not null;
create index sync_errors_due_by_source on syncwell.sync_errors (org_id, source, next_retry_at)
where resolved_at is null and next_retry_at is not null;
comment on table syncwell.sync_errors is
'One open row per stream and fingerprint, with its retry state. Resolved rows are kept for setting runs.retention.';
comment on column syncwell.sync_errors.org_id is 'The org.';
comment on column syncwell.sync_errors.id is 'The error''s id.';
comment on column syncwell.sync_errors.stream_id is 'The stream that failed.';
comment on column syncwell.sync_errors.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_errors.source is 'What was to be synced.';
comment on column syncwell.sync_errors.event_id is
'The last run that failed so; NULL: reported by create_sync_error() only.';
comment on column syncwell.sync_errors.fingerprint is
'MD5 of class, code, HTTP status and the message without numbers, ids and quoted parts: errors of one kind share it.';
comment on column syncwell.sync_errors.error_type is
'e.g. ECONNREFUSED, HTTP_503, TIMEOUT, UNKNOWN_ERROR: see classify_sync_error().';
comment on column syncwell.sync_errors.error_class is 'transient, throttled, auth, conflict, permanent or unknown.';
comment on column syncwell.sync_errors.error_code is 'The code as the worker gave it.';
comment on column syncwell.sync_errors.http_status is 'HTTP status of the answer; NULL without one.';
comment on column syncwell.sync_errors.error_message is
'The last message, without secrets; NULL where consent is missing.';
comment on column syncwell.sync_errors.error_details is
'The last details, without secrets; NULL where consent is missing.';
comment on column syncwell.sync_errors.retry_count is 'Retries granted so far.';
comment on column syncwell.sync_errors.next_retry_at is
'When it is due to be retried; NULL: not waiting, or its retry is running.';
comment on column syncwell.sync_errors.lane is
'fast: one of the few retries after seconds; slow: parked; none: nobody retries it by itself.';
comment on column syncwell.sync_errors.reason is
'Why: retry, scheduled, parked, budget, circuit_open, needs_reauth, permanent, too_old, client (who failed retries '
'it); NULL before any decision.';
comment on column syncwell.sync_errors.retry_lease is 'Proof of the worker that claimed the retry.';
comment on column syncwell.sync_errors.retry_lease_until is 'Until when the claim holds.';
comment on column syncwell.sync_errors.resolved_at is 'When it was resolved; NULL while open.';
comment on column syncwell.sync_errors.created_at is 'When the row was made.';
comment on column syncwell.sync_errors.first_seen is 'When it first happened since it was last resolved.';
comment on column syncwell.sync_errors.last_seen is 'When it last happened.';
comment on column syncwell.sync_errors.occurrences is 'How often it happened since first_seen.';

create table syncwell.source_attempts (
  org_id uuid not null,
  source text not null,
  minute timestamptz not null,
  shard smallint not null,
  runs bigint not null,
  failures bigint not null,
  retries bigint not null,
  primary key (org_id, source, minute, shard)
) with (fillfactor = 70);
comment on table syncwell.source_attempts is
'Runs, failures and granted retries of a source by minute, for the retry budget and the circuit breaker. '
'A count is the sum over the shards, which keep sessions out of each other''s way. Kept for an hour.';
comment on column syncwell.source_attempts.org_id is 'The org.';
comment on column syncwell.source_attempts.source is 'The source.';
comment on column syncwell.source_attempts.minute is 'The minute in which the runs ended.';
comment on column syncwell.source_attempts.shard is 'Which group of sessions counted.';
comment on column syncwell.source_attempts.runs is 'Runs that ended, cancelled ones left out.';
comment on column syncwell.source_attempts.failures is
'Those that failed because the source did: auth and permanent errors left out.';
comment on column syncwell.source_attempts.retries is 'Fast retries granted.';

create table syncwell.circuits (
  org_id uuid not null,
  source text not null,
  state text not null constraint circuits_state_is_known check (state in ('closed', 'open', 'half_open')),
  opened_at timestamptz not null,
  closed_at timestamptz,
  cooldown interval not null,
  reopen_at timestamptz not null,
  probe_token uuid,
  probe_event uuid,
  probe_until timestamptz,
  primary key (org_id, source),
  constraint circuits_probe_only_when_half_open check ((state = 'half_open') = (probe_token is not null))
);
comment on table syncwell.circuits is
'The circuit breaker of a source: a row from the first time it opened on. No row: closed.';
comment on column syncwell.circuits.org_id is 'The org.';
comment on column syncwell.circuits.source is 'The source.';
comment on column syncwell.circuits.state is
'closed: all well; open: no retries are handed out; half_open: one probe is out.';
comment on column syncwell.circuits.opened_at is 'When it last opened.';
comment on column syncwell.circuits.closed_at is 'When it last closed: failures before do not count again.';
comment on column syncwell.circuits.cooldown is 'How long it stays open; doubles with each failed probe.';
comment on column syncwell.circuits.reopen_at is 'From when on a probe is let through.';
comment on column syncwell.circuits.probe_token is 'The retry lease of the probe that is out.';
comment on column syncwell.circuits.probe_event is 'The run of the probe, once it has started.';
comment on column syncwell.circuits.probe_until is 'When a probe that has not come back is given up.';
