insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW205', 'unknown_entity_type', 422, 'The entity type is neither built in nor in setting progress.entity_types.'),
('SW251', 'unknown_sync_action', 422, 'The action is neither built in nor in setting activity.actions.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, allowed, unit, description) values
(
  'activity.log_runs', 'boolean', 'on', null, null, null, null,
  'Whether each run leaves an entry at its start and one at its end in the activity log.'
),
(
  'activity.actions', 'text', '', null, null, null, null,
  'Actions an org logs besides the built-in ones, separated by commas.'
),
(
  'activity.retention', 'interval', '12 months', '1 month', '100 years', null, null,
  'How long entries of the activity log are kept; they go by whole months.'
),
(
  'activity.on_expiry', 'text', 'drop', null, null, '{drop,detach}', null,
  'What becomes of a month past its retention: drop: it is gone; detach: it stays as a table of its own.'
),
(
  'progress.entity_types', 'text', '', null, null, null, null,
  'Entity types an org uses besides the built-in ones, separated by commas.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, also_cleared, description) values
('sync_activity_log', 'user_id', 'anonymise', '{error_message}', 'What the user did, and when.');

insert into syncwell.personal_details (table_name, column_name, user_column, on_revoke, description) values
('sync_activity_log', 'error_message', 'user_id', 'clear', 'Texts of errors.');

insert into syncwell.partitioned_tables (
  table_name, key_column, key_kind, months_ahead, retention_setting, expiry_setting
)
values
('sync_activity_log', 'created_at', 'timestamptz', 3, 'activity.retention', 'activity.on_expiry');
