insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'health.recovery_threshold', 'integer', '2', '1', '20', 'runs',
  'Successes in a row that make a stream healthy after a failure; runs.failure_threshold failures make it unhealthy.'
),
(
  'health.stale_after', 'interval', '24:00:00', '00:01:00', '8760:00:00', null,
  'How old the last success of a stream without an expected interval, cron or learned interval may be before it is '
  'late; without grace.'
),
(
  'health.stale_intervals', 'integer', '3', '2', '24', 'intervals',
  'Expected intervals without a success after which a stream is unhealthy and its freshness 0.'
),
(
  'health.grace_minimum', 'interval', '00:05:00', '00:00:00', '24:00:00', null,
  'The least time past due before a stream with an expected or learned interval or a cron is late.'
),
(
  'health.grace_ratio', 'number', '0.1', '0', '1', 'share',
  'Grace as a share of the expected interval, where that is more than health.grace_minimum.'
),
(
  'health.weight_freshness', 'number', '35', '0', '100', 'points',
  'Weight of freshness in the score. A part that is unknown gives its weight to the others.'
),
('health.weight_reliability', 'number', '30', '0', '100', 'points', 'Weight of reliability in the score.'),
('health.weight_queue', 'number', '15', '0', '100', 'points', 'Weight of the queue in the score.'),
('health.weight_drift', 'number', '10', '0', '100', 'points', 'Weight of data drift in the score.'),
('health.weight_speed', 'number', '10', '0', '100', 'points', 'Weight of speed in the score.'),
(
  'health.recency_decay', 'number', '0.9', '0.5', '1', 'share',
  'Weight of a run in the reliability score, as a share of the weight of the run after it; the newest 20 runs count.'
),
(
  'health.failure_penalty', 'number', '25', '0', '100', 'points',
  'Points of reliability that each failure in a row takes off.'
),
(
  'health.conflict_threshold', 'integer', '10', '1', '1000000', 'conflicts',
  'So many conflicts of one device within 24 hours are an issue; those that a person decided do not count.'
),
(
  'health.evaluation_interval', 'interval', '00:05:00', '00:00:10', '24:00:00', null,
  'How often evaluate_health() is called; after two such intervals without it states are unevaluated.'
),
(
  'health.notify', 'boolean', 'on', null, null, null,
  'Whether channel syncwell_health is notified when states of streams or issues change, once a transaction and org.'
),
(
  'health.pending_for', 'interval', '00:00:00', '00:00:00', '24:00:00', null,
  'How long something must be wrong before evaluate_health() moves a stream''s state and opens an issue.'
),
(
  'health.keep_for', 'interval', '00:02:00', '00:00:00', '24:00:00', null,
  'How long it must be well again before evaluate_health() moves the state back and resolves the issue.'
),
(
  'health.flap_start', 'number', '30', '1', '100', 'percent',
  'From this weighted share of changes in the newest 21 observations on a stream is flapping.'
),
('health.flap_stop', 'number', '20', '0', '100', 'percent', 'At this share it is not flapping any more.'),
(
  'health.flap_minimum', 'integer', '10', '3', '21', 'observations',
  'Fewer observations never make a stream flapping.'
),
(
  'health.mass_share', 'number', '0.3', '0.01', '1', 'share',
  'More than this share of an org''s streams stale at once is one issue, mass_staleness; it ends at half of it.'
),
('health.mass_minimum', 'integer', '5', '2', '1000000', 'streams', 'Fewer streams are never a mass.'),
(
  'health.reopen_within', 'interval', '24:00:00', '00:00:00', '8760:00:00', null,
  'An issue that comes back within this time of its end is reopened; later it is a new one.'
),
('health.error_rate', 'number', '0.5', '0.01', '1', 'share', 'From this share of failed runs on the rate is an issue.'),
(
  'health.error_rate_runs', 'integer', '10', '2', '20', 'runs',
  'Over how many of the newest runs the rate counts; with fewer there is none.'
),
('health.start_timeout', 'interval', '00:03:00', '00:00:01', '24:00:00', null, 'How long a sync may wait to start.'),
(
  'health.slow_ratio', 'number', '2', '1', '100', 'times',
  'A run is slow that takes longer than so many times the usual (95 % of runs take less), and health.slow_margin.'
),
('health.slow_margin', 'interval', '00:15:00', '00:00:00', '24:00:00', null, 'See health.slow_ratio.'),
('health.slow_runs', 'integer', '10', '1', '1000000', 'runs', 'With fewer runs nothing is usual.'),
(
  'health.speed_limit', 'number', '4', '1.1', '100', 'times',
  'So many times the usual duration make the speed part of the score 0.'
),
(
  'health.queue_good', 'interval', '00:05:00', '00:00:01', '24:00:00', null,
  'How old the oldest waiting operation may be for the queue part of the score to be 100.'
),
(
  'health.queue_bad', 'interval', '24:00:00', '00:00:02', '8760:00:00', null,
  'At this age it is 0, and the backlog critical; in between it falls with the logarithm.'
),
(
  'health.queue_backlog', 'interval', '01:00:00', '00:00:01', '8760:00:00', null,
  'From this age on the backlog is an issue.'
),
(
  'health.clock_skew', 'interval', '00:01:00', '00:00:01', '00:05:00', null,
  'How far ahead of the server''s the clock of a device may be without being an issue.'
),
(
  'health.drift_minimum', 'integer', '30', '0', '1000000', 'items',
  'So many items more than expected there must be at least to be a surge.'
),
(
  'health.drift_critical', 'number', '80', '10', '100', 'percent',
  'A drop by so many percent or more is critical, one by less a warning; a gap is always critical.'
),
(
  'health.integrity_critical', 'number', '25', '0', '100', 'percent',
  'From this share of sessions on that are not whole (get_session_integrity) it is critical, below a warning.'
),
(
  'health.report_retention', 'interval', '30 days', '1 hour', '100 years', null,
  'How long what a device last told counts; one that has told nothing since is taken for gone.'
),
(
  'health.history_retention', 'interval', '400 days', '8 days', '100 years', null,
  'How long stretches of states, reports of devices by hour and blind periods are kept.'
),
(
  'health.issue_retention', 'interval', '400 days', '1 day', '100 years', null,
  'How long resolved issues, with their alerts, ended silences and ended maintenance windows are kept.'
);

insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW601', 'unknown_issue', 404, 'No such issue in the caller''s org, or not the caller''s.'),
('SW602', 'unknown_silence', 404, 'No such silence in the caller''s org.'),
('SW603', 'unknown_window', 404, 'No such maintenance window in the caller''s org.'),
('SW604', 'issue_resolved', 409, 'The issue is resolved: there is nothing left to handle.'),
('SW605', 'metric_refused', 422, 'A reported metric is unknown, negative, not finite, too large or in the future.');

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'health_baselines', 'health', '_learn_baselines_task', '1 hour',
  'Learns once a day what is usual for each stream: interval, duration, volume.'
),
('evaluate_health', 'health', '_evaluate_health_task', '1 minute', 'Moves states, opens and resolves issues.'),
(
  'expire_health', 'health', '_expire_health_task', '1 day',
  'Deletes history and resolved issues that are past their retention.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('stream_states', 'user_id', 'delete', 'How the user''s streams are, and what is usual for them.'),
('stream_periods', 'user_id', 'delete', 'How they were.'),
('sync_health', 'user_id', 'delete', 'What the user''s devices last told of their syncing.'),
('sync_health_hours', 'user_id', 'delete', 'What they told, by hour.'),
('volume_baselines', 'user_id', 'delete', 'What volume is usual for the user''s streams.'),
('sync_issues', 'user_id', 'delete', 'What was wrong with the user''s streams.'),
('maintenance_windows', 'user_id', 'delete', 'When the user''s streams were worked on.'),
('silences', 'matcher', 'delete', 'That issues of the user''s streams were kept quiet.');

insert into syncwell.personal_data (table_name, user_column, on_erase, description, also_cleared) values
('sync_issues', 'acknowledged_by', 'anonymise', 'Which issues the user took over, and what the user said.', '{note}'),
('silences', 'created_by', 'anonymise', 'Which issues the user silenced, and why.', '{reason}'),
('maintenance_windows', 'created_by', 'anonymise', 'When the user announced work, and why.', '{reason}');

insert into syncwell.personal_details (
  table_name, column_name, user_column, on_revoke, document_keys, description
) values
('sync_health', 'device_id', 'user_id', 'delete', null, 'What a named device last told.'),
('sync_health', 'network', 'user_id', 'clear', null, 'The network it told of.'),
('sync_issues', 'evidence', 'user_id', 'clear', '{device_id}', 'Which device has the trouble.');
