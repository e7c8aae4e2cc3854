insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW201', 'unknown_progress', 404, 'No progress row of that sync_id in the caller''s org.'),
('SW202', 'progress_beyond_total', 422, 'More items are counted than there are.'),
('SW203', 'progress_went_back', 422, 'A count is lower than the one reported before, and it is no reset.'),
('SW204', 'progress_finished', 409, 'The sync has ended: its counts and status stay, unless it is reset.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'progress.notify', 'boolean', 'on', null, null, null,
  'Whether a notification is sent on channel syncwell_progress at start, change of status and end of a sync; never '
  'on a plain report.'
),
(
  'progress.stall_timeout', 'interval', '1 minute', '1 minute', '7 days', null,
  'Silence after which a running sync shows as stalled: the longest of one minute, five times its usual gap, and this.'
),
(
  'progress.max_duration', 'interval', '24 hours', '1 minute', '90 days', null,
  'A sync that has run longer, pauses not counted, is ended as timeout.'
),
(
  'progress.keep_finished', 'interval', '30 days', '1 hour', '3650 days', null,
  'How long the row of a finished sync stays.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, runs_every, description) values
(
  'reap_progress', 'progress', '_reap_progress_task', '1 minute',
  'Ends syncs that ran longer than setting progress.max_duration as timeout.'
),
(
  'expire_progress', 'progress', '_expire_progress_task', '1 day',
  'Deletes rows of syncs that ended longer ago than setting progress.keep_finished.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_progress', 'initiated_by', 'anonymise', 'Which syncs the user started.');
