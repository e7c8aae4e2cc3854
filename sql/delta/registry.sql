insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW301', 'unknown_synced_table', 404, 'No table of this name is registered for syncing.'),
('SW302', 'table_not_syncable', 422, 'The table can not be synced as it is; the detail says why.'),
('SW303', 'pull_too_large', 413, 'The answer of a pull is larger than delta.max_bytes.'),
(
  'SW304', 'push_conflict', 409,
  'Pushed records were changed on the server since the device pulled; it must pull first.'
),
('SW305', 'pull_and_write_mixed', 409, 'A pull and writes to synced tables in one transaction would lose the writes.'),
('SW306', 'records_hidden', 409, 'The table''s own policies hide changed records from their owner.'),
('SW307', 'too_many_deletes', 409, 'The pull would delete most of the device''s records without a deletion known.'),
('SW308', 'untracked_partitions', 409, 'A synced table has partitions whose changes are not tracked yet.'),
('SW309', 'unknown_conflict', 404, 'No such conflict in the caller''s org, or not the caller''s.'),
('SW310', 'unknown_device', 404, 'No such device of this user.'),
('SW311', 'push_too_large', 413, 'The push has more records than delta.max_push_records.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
('delta.source', 'text', 'app', null, null, null, 'Under which source the syncs of devices are recorded.'),
(
  'delta.max_bytes', 'integer', '67108864', '1024', '1000000000', 'bytes',
  'The largest answer of sync_pull(); larger ones are streamed or paged.'
),
(
  'delta.max_push_records', 'integer', '100000', '1', '10000000', 'records',
  'How many records one push may have.'
),
(
  'delta.idle_interval', 'interval', '1 minute', '0 seconds', '1 day', null,
  'How often at most a pull without changes writes that the device was here.'
),
(
  'delta.cursor_refresh', 'interval', '1 day', '1 minute', '30 days', null,
  'From which age on an idle device''s cursor is replaced by a new one.'
),
(
  'delta.tombstone_retention', 'interval', '30 days', '1 hour', '100 years', null,
  'How long maintenance keeps tombstones; a device older than that is told to replace everything.'
),
(
  'delta.cursor_retention', 'interval', '400 days', '1 day', '100 years', null,
  'How long the cursors of a device that stays away are kept.'
),
(
  'delta.request_retention', 'interval', '7 days', '1 hour', '1 year', null,
  'How long the answer to a request id is kept.'
),
(
  'delta.conflict_retention', 'interval', '90 days', '1 day', '100 years', null,
  'How long decided conflicts and quarantined records are kept.'
),
(
  'delta.quarantine_limit', 'integer', '64', '1', '10000', 'records',
  'How many bad records of one push are told apart; beyond, what is left of the batch is quarantined whole.'
),
(
  'delta.shrink_records', 'integer', '100', '0', '1000000000', 'records',
  'A pull that takes more than this and more than half of a device''s records without known deletions is refused.'
),
(
  'delta.notify', 'boolean', 'off', null, null, null,
  'Whether a push announces on channel syncwell that something changed.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('record_changes', 'scope', 'delete', 'Which records of the user changed; their ids only.'),
('sync_cursors', 'user_id', 'delete', 'What the user''s devices have seen.'),
('sync_horizons', 'scope', 'delete', 'Up to where the user''s tombstones were cleaned up.'),
('sync_devices', 'user_id', 'delete', 'The user''s devices.'),
('sync_requests', 'user_id', 'delete', 'Answers to the user''s pushes.'),
('sync_conflicts', 'user_id', 'delete', 'Both versions of the user''s records that were in conflict.'),
('sync_conflicts', 'resolved_by', 'anonymise', 'Which conflicts the user decided.'),
('sync_quarantine', 'user_id', 'delete', 'Records of the user that were refused.');

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'expire_pushes', 'delta', '_expire_pushes_task', '1 day',
  'Deletes old answers to request ids, decided conflicts and quarantined records.'
),
(
  'cleanup_tombstones', 'delta', '_tombstones_task', '1 hour',
  'Forgets deletions older than setting delta.tombstone_retention.'
),
(
  'expire_cursors', 'delta', '_expire_cursors_task', '1 day',
  'Forgets cursors older than setting delta.cursor_retention.'
);

insert into syncwell.personal_details (table_name, column_name, user_column, on_revoke, description) values
('sync_devices', 'network_type', 'user_id', 'clear', 'The network a device last synced on.'),
('sync_devices', 'device_id', 'user_id', 'keep', 'The device''s place in the sync; it would start anew.'),
('sync_cursors', 'device_id', 'user_id', 'keep', 'Which device has seen what.'),
('sync_conflicts', 'device_id', 'user_id', 'keep', 'On which of its devices the user finds the other version.'),
('sync_conflicts', 'server_record', 'user_id', 'keep', 'The user''s own record, to choose from.'),
('sync_conflicts', 'client_record', 'user_id', 'keep', 'The user''s own record, to choose from.'),
('sync_quarantine', 'device_id', 'user_id', 'keep', 'Which of its devices the user has to mend.'),
('sync_quarantine', 'record', 'user_id', 'keep', 'The user''s own record, which is nowhere else.'),
('sync_quarantine', 'reason', 'user_id', 'keep', 'What the user has to mend.'),
('sync_requests', 'answer', 'user_id', 'keep', 'What a device is told that asks again whether its push arrived.');

update syncwell.partitioned_tables
set on_change = '_track_partitions'
where table_name = 'session_records';
