insert into syncwell.setting_definitions (
  key, kind, default_value, minimum, maximum, allowed, unit, description
) values
(
  'alerts.minimum_severity', 'text', 'warning', null, null, '{info,warning,critical}', null,
  'Issues below this severity are shown, but nobody is alerted of them.'
),
(
  'alerts.retention', 'interval', '30 days', '1 day', '10 years', null, null,
  'How long alerts are kept once their issue is resolved; never longer than the issue.'
),
(
  'alerts.channel_timeout', 'interval', '1 hour', '1 minute', '30 days', null, null,
  'An alert that waits for so long, while nobody tries, makes its channel dead.'
),
(
  'alerts.channel_retention', 'interval', '30 days', '1 day', '10 years', null, null,
  'A channel that nobody asked about for so long is forgotten, with what waits for it.'
);

insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW611', 'unknown_channel', 404, 'No such channel in the caller''s org.');

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'expire_alerts', 'alerts', '_expire_alerts_task', '1 day',
  'Deletes alerts of resolved issues past setting alerts.retention.'
),
(
  'watch_alert_channels', 'alerts', '_watch_channels_task', '1 minute',
  'Opens an issue for channels that nobody delivers by; forgets those past setting alerts.channel_retention.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('alert_outbox', 'user_id', 'delete', 'What somebody was told of the user''s streams.');
