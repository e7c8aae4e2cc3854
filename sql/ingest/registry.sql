insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW501', 'unknown_session', 404, 'No such session in the caller''s org, or not the caller''s.'),
('SW502', 'batch_refused', 422, 'Rows of a batch or document can not be taken, and all or nothing was asked for.'),
('SW503', 'batch_too_large', 413, 'The batch or document has more rows or bytes than the settings allow.'),
('SW504', 'unknown_merge', 404, 'No such merge of sessions in the caller''s org, or it was reverted.'),
('SW505', 'merge_not_revertible', 409, 'What the merge brought together was merged on since; that is reverted first.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'ingest.session_source', 'text', 'sessions', null, null, null,
  'Under which source sessions count that name none.'
),
('ingest.max_rows', 'integer', '10000', '1', '1000000', 'rows', 'The most rows of a batch or document.'),
('ingest.max_row', 'integer', '262144', '1024', '16777216', 'bytes', 'The largest row of a batch.'),
('ingest.max_batch', 'integer', '16777216', '1024', '268435456', 'bytes', 'The largest batch or document.'),
(
  'ingest.key_retention', 'interval', '400 days', '30 days', '100 years', null,
  'How long is kept which events have arrived; older events are not taken, for they might be here already.'
),
(
  'ingest.clock_tolerance', 'interval', '1 day', '1 minute', '30 days', null,
  'How far ahead of the server''s clock something may have happened; what is further ahead is not taken.'
),
(
  'ingest.event_retention', 'interval', '90 days', '1 day', '100 years', null,
  'How long events are kept; by whole months, the longest of any org or source.'
),
(
  'ingest.hour_retention', 'interval', '1200 days', '60 days', '100 years', null,
  'How long is kept how many events there were in each hour.'
),
(
  'ingest.session_retention', 'interval', '100 years', '30 days', '100 years', null,
  'How long sessions and their records are kept; by default for ever.'
),
(
  'ingest.client_retention', 'interval', '30 days', '0', '10 years', null,
  'How long a device should keep what complete_session() calls safely stored.'
),
(
  'ingest.late_after', 'interval', '1 minute', '1 second', '30 days', null,
  'A survey that arrives later than this after it was filled in, and after its session was known, is late.'
),
(
  'ingest.duplicate_within', 'interval', '2 minutes', '0', '1 day', null,
  'Two sessions of a user that start no further apart than this may be one.'
),
(
  'ingest.orphan_after', 'interval', '1 hour', '0', '30 days', null,
  'How long records may wait for their session: after that they count as orphans.'
),
(
  'ingest.notify', 'boolean', 'on', null, null, null,
  'Whether a batch into a running session notifies channel syncwell_sessions.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'expire_ingest', 'ingest', '_expire_ingest_task', '1 day',
  'Deletes keys, hours and sessions past settings ingest.key_retention, hour_retention and session_retention.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('local_ids', 'user_id', 'delete', 'How the user''s devices named things.'),
('data_events', 'user_id', 'delete', 'What happened to the user.'),
('data_event_keys', 'user_id', 'delete', 'That it arrived.'),
('event_hours', 'user_id', 'delete', 'How much of it there was.'),
('sync_sessions', 'user_id', 'delete', 'The user''s sessions.'),
('session_records', 'user_id', 'delete', 'What was measured and answered in them.'),
('session_counts', 'user_id', 'delete', 'How much of it there is.'),
('session_merges', 'user_id', 'delete', 'Which of them were merged.'),
('session_merge_moves', 'user_id', 'delete', 'What that moved.');

insert into syncwell.personal_details (
  table_name, column_name, user_column, on_revoke, document_keys, description
) values
('local_ids', 'device_id', 'user_id', 'clear', null, 'The device that named a thing first.'),
('sync_sessions', 'device_id', 'user_id', 'clear', null, 'The device that started it.'),
('sync_sessions', 'last_error', 'user_id', 'clear', null, 'Why something of it was refused.'),
('session_merges', 'kept_before', 'user_id', 'clear', '{device_id,last_error}', 'Of the session that was kept.'),
('session_merges', 'kept_after', 'user_id', 'clear', '{device_id,last_error}', 'Of the session as it became.'),
('session_merges', 'removed_session', 'user_id', 'clear', '{device_id,last_error}', 'Of the session that was removed.'),
('session_merge_moves', 'row_before', 'user_id', 'clear', '{device_id}', 'Of what was moved.'),
('session_merge_moves', 'kept_before', 'user_id', 'clear', '{device_id}', 'Of what it replaced.');

insert into syncwell.partitioned_tables (table_name, key_column, key_kind, months_ahead, retention_setting) values
('data_events', 'occurred_at', 'timestamptz', 3, 'ingest.event_retention'),
('session_records', 'id', 'uuid7', 3, 'ingest.session_retention');
