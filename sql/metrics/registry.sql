insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'metrics.retention', 'interval', '400 days', '8 days', '100 years', null,
  'How long metrics by hour are kept; those by day and week stay.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'metrics', 'metrics', '_refresh_metrics_task', '1 minute',
  'Counts the hours again in which runs were written, and the days and weeks they lie in.'
),
('expire_metrics', 'metrics', '_expire_metrics_task', '1 day', 'Drops metrics by hour that are past their retention.');

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_metrics', 'user_id', 'delete', 'How often and how fast the user''s streams ran.');
