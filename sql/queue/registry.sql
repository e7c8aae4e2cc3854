insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW401', 'unknown_operation', 404, 'No such operation in the caller''s org, or not the caller''s.'),
('SW402', 'operation_lease_lost', 409, 'The operation is not held by this lease any more: it was handed out again.'),
('SW403', 'payload_too_large', 413, 'The payload is larger than setting queue.max_payload.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
('queue.source', 'text', 'app', null, null, null, 'Under which source operations are queued that name none.'),
('queue.max_payload', 'integer', '1048576', '1', '268435456', 'bytes', 'The largest payload of an operation.'),
(
  'queue.max_attempts', 'integer', '5', '1', '100', 'attempts',
  'How often an operation is tried that says nothing else.'
),
(
  'queue.archive_retention', 'interval', '30 days', '1 day', '100 years', null,
  'How long is kept that operations were done; by whole months.'
),
(
  'queue.report_retention', 'interval', '400 days', '1 day', '100 years', null,
  'How long the last report of a device''s own queue is kept.'
),
(
  'queue.notify', 'boolean', 'off', null, null, null,
  'Whether enqueueing notifies channel syncwell_queue; workers that poll need it not.'
),
('queue.rate', 'number', '50', '0.001', '1000000', 'tokens a second', 'How fast a bucket of try_acquire() fills up.'),
('queue.burst', 'number', '200', '1', '1000000', 'tokens', 'How much a bucket of try_acquire() holds.'),
(
  'http.rate', 'number', '500', '0.001', '1000000', 'requests a second',
  'How fast the buckets of an org fill up that `syncwell serve` asks: sources http.pull, http.push, http.batch, '
  'http.preview.'
),
('http.burst', 'number', '2000', '1', '1000000', 'requests', 'How much each of these buckets holds.');

insert into syncwell.maintenance_tasks (task, domain, routine, description) values
(
  'expire_client_queues', 'queue', '_expire_client_queues_task',
  'Deletes reports of devices'' queues past setting queue.report_retention, buckets nobody asked for 30 days, and '
  'lanes without operations where an org has more than 100.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_queue', 'user_id', 'delete', 'What was to be done for the user.'),
('sync_queue_archive', 'user_id', 'delete', 'When it was done.'),
('client_queues', 'user_id', 'delete', 'What the user''s devices told of their own queues.'),
('rate_limits', 'bucket', 'delete', 'How much the user asks for.');

insert into syncwell.partitioned_tables (table_name, key_column, key_kind, months_ahead, retention_setting) values
('sync_queue_archive', 'id', 'uuid7', 3, 'queue.archive_retention');

insert into syncwell.personal_details (table_name, column_name, user_column, on_revoke, description) values
('sync_queue', 'device_id', 'user_id', 'clear', 'The device an operation came from.'),
('sync_queue', 'last_error_code', 'user_id', 'clear', 'Why it failed, in the words of a worker.'),
('sync_queue', 'last_error', 'user_id', 'clear', 'Why it failed.'),
('sync_queue', 'payload', 'user_id', 'keep', 'What is to be done: there is no operation without it.'),
('sync_queue', 'dedup_key', 'user_id', 'keep', 'What tells it from others.'),
('sync_queue', 'ordering_key', 'user_id', 'keep', 'After which it comes.'),
('client_queues', 'device_id', 'user_id', 'delete', 'What a named device told of its queue.');
