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
);

insert into syncwell.maintenance_tasks (task, domain, routine, description) values
('expire_alerts', 'alerts', '_expire_alerts_task', 'Deletes alerts of resolved issues past setting alerts.retention.');

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('alert_outbox', 'user_id', 'delete', 'What somebody was told of the user''s streams.');
