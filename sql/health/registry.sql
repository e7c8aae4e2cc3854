insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'health.recovery_threshold', 'integer', '2', '1', '20', 'runs',
  'Successes in a row that make a stream healthy after a failure; runs.failure_threshold failures make it unhealthy.'
),
(
  'health.stale_after', 'interval', '24:00:00', '00:01:00', '8760:00:00', null,
  'How old the last success of a stream without an expected interval or cron may be before it is late; without grace.'
),
(
  'health.stale_intervals', 'integer', '3', '2', '24', 'intervals',
  'Expected intervals without a success after which a stream is unhealthy and its freshness 0.'
),
(
  'health.grace_minimum', 'interval', '00:05:00', '00:00:00', '24:00:00', null,
  'The least time past due before a stream with an expected interval or cron is late.'
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
);
