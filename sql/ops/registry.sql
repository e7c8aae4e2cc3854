insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW801', 'unknown_duty', 404, 'Maintenance has no duty of that name.'),
('SW802', 'scheduler_missing', 409, 'The extension pg_cron is not there, or not for this login.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'ops.maintenance_retention', 'interval', '14 days', '1 day', '10 years', null,
  'How long is kept what maintenance did.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'analyze', 'ops', '_analyze_task', '1 hour',
  'Tells the planner how tables have grown, partitioned ones above all, of which autovacuum takes no care.'
),
(
  'table_health', 'ops', '_table_health_task', '1 day',
  'Counts the tables and indexes that need VACUUM or REINDEX: see get_table_health().'
),
(
  'erase_leftovers', 'ops', '_erase_leftovers_task', '1 day',
  'Erases what calls that were under way wrote about a user while erase_user() erased it.'
),
(
  'expire_maintenance', 'ops', '_expire_maintenance_task', '1 day',
  'Deletes what maintenance did before setting ops.maintenance_retention.'
);

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'ops.debounce', 'interval', '5 seconds', '0', '1 day', null,
  'How soon a device may sync again when something calls for it.'
),
('ops.periodic', 'interval', '15 minutes', '1 second', '30 days', null, 'How often a device syncs without a reason.'),
(
  'ops.session_interval', 'interval', '30 seconds', '0', '1 day', null,
  'How often a device syncs while a session runs.'
),
(
  'ops.adaptive_factor', 'number', '4', '1', '1000', null,
  'How many times as often as ops.periodic a device syncs at most where data keeps changing, and as rarely at least '
  'where it does not.'
),
(
  'ops.adaptive_window', 'interval', '6 hours', '1 minute', '30 days', null,
  'Over what time changes of data are counted for that.'
),
(
  'ops.metered_factor', 'number', '2', '1', '1000', null,
  'How many times as rarely a device syncs without a reason where data costs money.'
),
('ops.low_battery', 'number', '20', '0', '100', 'percent', 'Below this a battery is low.'),
('ops.low_battery_factor', 'number', '4', '1', '1000', null, 'How many times as rarely a device syncs then.'),
(
  'ops.parked_wait', 'interval', '5 minutes', '0', '30 days', null,
  'How long a device waits after a failure when its retries are used up.'
),
(
  'ops.sync_timeout', 'interval', '5 minutes', '1 second', '7 days', null,
  'How long a sync of a device may take until another one is allowed.'
),
(
  'ops.request_retention', 'interval', '30 days', '1 hour', '10 years', null,
  'How long is kept when a device asked to sync.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'expire_sync_paces', 'ops', '_expire_sync_paces_task', '1 day',
  'Deletes what is known of devices that have not asked to sync for setting ops.request_retention.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_slots', 'user_id', 'delete', 'Which of the user''s devices is syncing.'),
('sync_paces', 'user_id', 'delete', 'When each of the user''s devices synced last.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'ops.metrics_by_org', 'boolean', 'off', null, null, null,
  'Whether openmetrics() tells an operator of each org apart, with a label org; for all orgs at once only.'
);
