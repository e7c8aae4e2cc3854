insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW101', 'unknown_run', 404, 'No such run in the caller''s org, or not the caller''s.'),
('SW102', 'lease_lost', 409, 'The lease is not the run''s or the retry''s (any more): somebody else goes on with it.'),
('SW103', 'run_already_finished', 409, 'The run has ended, and otherwise than this call says.'),
('SW104', 'unknown_sync_error', 404, 'No such sync error in the caller''s org, or not the caller''s.'),
('SW105', 'unknown_stream', 404, 'The caller has no such stream.'),
('SW106', 'error_already_resolved', 409, 'The sync error is resolved: there is nothing left to retry.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, allowed, unit, description) values
(
  'runs.failure_threshold', 'integer', '3', '1', '1000', null, 'runs',
  'From how many failures in a row on a stream is not healthy.'
),
(
  'runs.retention', 'interval', '90 days', '1 day', '100 years', null, null,
  'How long runs and resolved errors are kept; runs go by whole months.'
),
(
  'runs.run_key_retention', 'interval', '30 days', '1 hour', '1 year', null, null,
  'How long a run key stands for its run.'
),
(
  'runs.heartbeat_timeout', 'interval', '90 seconds', '1 second', '1 day', null, null,
  'A run that has sent a heartbeat and is silent for this long is ended as timeout.'
),
(
  'runs.max_runtime', 'interval', '24 hours', '1 second', '30 days', null, null,
  'A run that takes longer is ended as timeout, where its stream declares no other limit.'
),
(
  'retry.max_retries', 'integer', '5', '0', '20', null, 'retries',
  'How many fast retries an error gets; conflicts get at most one.'
),
(
  'retry.base', 'interval', '1 second', '1 millisecond', '1 hour', null, null,
  'Upper bound of the first delay; each further one doubles.'
),
('retry.cap', 'interval', '16 seconds', '1 millisecond', '1 day', null, null, 'Upper bound of any delay.'),
(
  'retry.jitter', 'text', 'equal', null, null, '{none,full,equal}', null,
  'none: the bound itself; full: 0 to the bound; equal: half of it to all of it.'
),
(
  'retry.after_cap', 'interval', '6 hours', '0 seconds', '7 days', null, null,
  'The longest Retry-After that is obeyed; longer ones count as this.'
),
(
  'retry.slow_interval', 'interval', '15 minutes', '1 second', '1 day', null, null,
  'How long a parked error waits for its next retry.'
),
(
  'retry.max_age', 'interval', '24 hours', '0 seconds', '90 days', null, null,
  'From which age on an open error is not retried any more.'
),
(
  'retry.budget_ratio', 'number', '0.10', '0', '1', null, 'retries a run',
  'Fast retries a source is granted for each run within the budget window.'
),
(
  'retry.budget_floor', 'integer', '10', '0', '1000000', null, 'retries',
  'Fast retries a source is granted on top of that.'
),
(
  'retry.budget_window', 'interval', '5 minutes', '1 minute', '50 minutes', null, null,
  'Over what time the retry budget counts; whole minutes.'
),
(
  'circuit.window', 'interval', '5 minutes', '1 minute', '50 minutes', null, null,
  'Over what time the circuit breaker counts runs and failures; whole minutes.'
),
(
  'circuit.minimum_runs', 'integer', '5', '1', '1000000', null, 'runs',
  'Fewer runs within the window never open the circuit.'
),
(
  'circuit.failure_ratio', 'number', '0.5', '0.01', '1', null, 'failures a run',
  'From which share of failures on the circuit opens.'
),
(
  'circuit.cooldown', 'interval', '30 seconds', '1 second', '1 day', null, null,
  'How long a circuit that opens stays so; doubles with each failed probe.'
),
(
  'circuit.cooldown_cap', 'interval', '15 minutes', '1 second', '1 day', null, null,
  'The longest that doubling makes it.'
),
(
  'circuit.probe_timeout', 'interval', '5 minutes', '1 second', '1 day', null, null,
  'A probe that has not come back by then is given up and another one let through.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
('reap_runs', 'runs', '_reap_runs_task', '1 minute', 'Ends runs that are silent or take too long as timeout.'),
('expire_run_keys', 'runs', '_expire_run_keys_task', '1 day', 'Deletes run keys past setting runs.run_key_retention.'),
(
  'expire_sync_errors', 'runs', '_expire_sync_errors_task', '1 day',
  'Deletes resolved errors past setting runs.retention.'
),
(
  'expire_source_attempts', 'runs', '_expire_source_attempts_task', '1 hour',
  'Deletes the counts by minute that are older than an hour.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_events', 'user_id', 'delete', 'When the user''s streams ran, on which device and network, and how it ended.'),
('sync_run_keys', 'user_id', 'delete', 'The names of the user''s runs.'),
('sync_state', 'user_id', 'delete', 'What the user''s streams are at.'),
('sync_errors', 'user_id', 'delete', 'What went wrong with the user''s streams.');

insert into syncwell.partitioned_tables (table_name, key_column, key_kind, months_ahead, retention_setting) values
('sync_events', 'id', 'uuid7', 3, 'runs.retention');

insert into syncwell.personal_details (table_name, column_name, user_column, on_revoke, description) values
('sync_events', 'error_message', 'user_id', 'clear', 'Why a run failed.'),
('sync_events', 'device_id', 'user_id', 'clear', 'On which device it ran.'),
('sync_events', 'network_type', 'user_id', 'clear', 'On which network.'),
('sync_events', 'network_quality', 'user_id', 'clear', 'How good that was.'),
('sync_errors', 'error_message', 'user_id', 'clear', 'What went wrong.'),
('sync_errors', 'error_details', 'user_id', 'clear', 'What was told of it.');
