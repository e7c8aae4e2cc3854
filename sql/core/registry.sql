insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW001', 'no_identity', 401, 'The login is bound to nobody, or a gateway has not called act_as() in the transaction.'),
('SW002', 'unknown_user', 404, 'No such user in the caller''s org, or not the caller''s to ask about.'),
('SW003', 'unknown_org', 404, 'No such org.'),
('SW010', 'unknown_setting', 400, 'No setting of that name.'),
('SW011', 'setting_out_of_range', 400, 'The value does not fit the setting''s kind or bounds.'),
('SW020', 'unknown_consent_scope', 404, 'There is nothing of this name to consent to.'),
('SW901', 'migration_out_of_order', 409, 'The migration before this one is not applied, or a later one is.'),
('SW902', 'migration_already_applied', 409, 'This migration is applied already.'),
('SW903', 'roles_missing', 409, 'The roles of sql/roles.sql are not there.'),
('SW904', 'data_would_be_lost', 409, 'A rollback would drop rows and was not told that it may.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'consent_required', 'boolean', 'off', null, null, null,
  'Whether error texts, devices and networks of a user''s streams are kept only with the user''s consent.'
),
(
  'audit.retention', 'interval', '400 days', '30 days', '100 years', null,
  'How long is kept who asked about whom; by whole months, the longest of any org.'
),
(
  'audit.server_log', 'boolean', 'off', null, null, null,
  'Whether asking about another user also writes a line to the server''s log, which a ROLLBACK does not take back.'
);

insert into syncwell.consent_scopes (scope, description) values
(
  'detailed_monitoring',
  'Error texts, device names, networks and samples of payloads of the user''s streams are stored and shown.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, each_table, runs_every, description) values
(
  'partitions', 'core', '_partitions_task', true, '6 hours',
  'Makes the partitions of the coming months, heals the default ones, drops what is past its retention.'
),
(
  'erase_unconsented', 'core', '_erase_unconsented_task', false, '1 hour',
  'Erases stored details of users whose consent is missing since setting consent_required or they themselves said so.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('users', 'user_id', 'delete', 'That the user exists, with role and display name.'),
('logins', 'user_id', 'delete', 'Which database login is the user''s.'),
('streams', 'user_id', 'delete', 'Which sources the user syncs.'),
('consents', 'user_id', 'delete', 'What the user consented to, and when.'),
('detail_erasures', 'user_id', 'delete', 'That details of the user are being erased.'),
('access_log', 'user_id', 'anonymise', 'About whom the user asked.'),
('access_log', 'subject', 'anonymise', 'Who asked about the user.');

insert into syncwell.partitioned_tables (table_name, key_column, key_kind, months_ahead, retention_setting) values
('access_log', 'id', 'uuid7', 3, 'audit.retention');
