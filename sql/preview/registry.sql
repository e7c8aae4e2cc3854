insert into syncwell.error_codes (sqlstate, name, http_status, description) values
(
  'SW701', 'malformed_records', 422,
  'A set of records is not an array of objects that each have the key, as text or number.'
),
('SW702', 'duplicate_record', 422, 'Two records of a set have the same key.'),
('SW703', 'preview_too_large', 413, 'The preview is larger than setting preview.max_bytes.'),
('SW704', 'preview_lease_lost', 409, 'The preview is not claimed under this token any more.'),
(
  'SW705', 'malformed_preview', 422,
  'The document is no preview: a list is missing or has other things in it, or its statistics contradict the lists.'
),
('SW706', 'unknown_sync_type', 422, 'The sync type is neither built in nor in setting preview.sync_types.'),
('SW707', 'preview_busy', 503, 'Somebody else is computing this preview for longer than setting preview.wait.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'preview.ttl', 'interval', '1 hour', '1 second', '30 days', null,
  'How long a preview is valid that says nothing else; by sync type as source.'
),
(
  'preview.max_bytes', 'integer', '67108864', '1024', '268435455', 'bytes',
  'The largest preview, as text; by sync type as source.'
),
(
  'preview.wait', 'interval', '30 seconds', '1 millisecond', '10 minutes', null,
  'How long a caller waits for another transaction that is computing the same preview.'
),
(
  'preview.sync_types', 'text', '', null, null, null,
  'Sync types an org uses besides woocommerce, odoo, shopify and custom, separated by commas.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'cleanup_previews', 'preview', '_cleanup_previews_task', '15 minutes',
  'Removes previews that have expired, and leases of those who never stored theirs.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_preview_cache', 'computed_by', 'anonymise', 'Which previews the user had computed.'),
('preview_claims', 'claimed_by', 'anonymise', 'Which previews the user is computing.');
