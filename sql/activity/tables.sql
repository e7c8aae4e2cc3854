-- activity: what was done, by whom and when. Written once, never changed, dropped by the month.

-- Partitioned on created_at, not on a UUIDv7 id: people ask "between A and B" by the time they see; that prunes
-- partitions and is the order of every page, without any translation. The id only tells entries of one moment apart.
create table syncwell.sync_activity_log (
  org_id uuid not null,
  created_at timestamptz not null,
  id uuid not null default gen_random_uuid(),
  user_id uuid,
  record_count bigint,
  duration_seconds numeric,
  sync_id text,
  action syncwell.sync_action not null,
  status syncwell.sync_status_type not null,
  entity_type syncwell.sync_entity_type,
  error_message text,
  -- No CHECK and no foreign key: nobody but functions writes here, and each would be looked at for every entry.
  primary key (org_id, created_at, id)
) partition by range (created_at);

-- Six questions, each newest first: by org (the primary key), user, sync, action, status, entity. Each needs its own
-- way in, since before PostgreSQL 18 no index is entered by its second column, and even a rare value must not be looked
-- for among ten million entries. Few bytes instead of few indexes:
-- - What has few values is indexed by the quarter of an hour: entries of one share their key, which is stored once for
--   all of them, so that an entry takes 15 to 25 bytes instead of 105. A page is read slot by slot, newest first.
-- - Of one sync there are few entries, to be sorted when found: a hash does, in a third of the bytes of a tree.
create index sync_activity_log_by_user on syncwell.sync_activity_log (org_id, user_id, created_at)
where user_id is not null;
create index sync_activity_log_by_sync on syncwell.sync_activity_log using hash (sync_id) where sync_id is not null;
create index sync_activity_log_by_action
on syncwell.sync_activity_log (org_id, action, date_bin('15 minutes', created_at, 'epoch'));
create index sync_activity_log_by_status
on syncwell.sync_activity_log (org_id, status, date_bin('15 minutes', created_at, 'epoch'));
create index sync_activity_log_by_entity
on syncwell.sync_activity_log (org_id, entity_type, date_bin('15 minutes', created_at, 'epoch'))
where entity_type is not null;

comment on table syncwell.sync_activity_log is
'What was done: runs, pushes, previews, resumes, the ends of reported syncs, and what log_sync_activity() was told. '
'Every member of the org reads it all. Entries are never changed; partitions of a month (UTC) go after setting '
'activity.retention. Who writes what: a run its start (scheduled_run: its stream declares a schedule; manual_trigger: '
'type manual; error_recovery: a retry; batch_process: a device''s push; sync_start: any other) and its end '
'(sync_complete); a sync of sync_progress that is no run its end (sync_complete); the end of a pause partial_resume; '
'a computed preview preview_delta.';
comment on column syncwell.sync_activity_log.org_id is 'The org.';
comment on column syncwell.sync_activity_log.created_at is
'When it was: the start or the end of a run, else when it was logged.';
comment on column syncwell.sync_activity_log.id is 'Tells entries of one moment apart.';
comment on column syncwell.sync_activity_log.user_id is
'Who did it or whose stream it is; NULL: a service, or the user is gone.';
comment on column syncwell.sync_activity_log.record_count is 'Records handled; NULL: not told, or not known yet.';
comment on column syncwell.sync_activity_log.duration_seconds is 'Seconds it took, without pauses; NULL: not over.';
comment on column syncwell.sync_activity_log.sync_id is
'The sync it is about: the id of a run as text, or the sync_id of sync_progress; NULL: none.';
comment on column syncwell.sync_activity_log.action is
'preview_delta, sync_start, sync_complete, batch_process, error_recovery, manual_trigger, scheduled_run, '
'partial_resume, or one of setting activity.actions.';
comment on column syncwell.sync_activity_log.status is
'in_progress for what began; for what is over completed, completed_with_errors, failed, cancelled or timeout.';
comment on column syncwell.sync_activity_log.entity_type is 'What was synced; NULL: not told.';
comment on column syncwell.sync_activity_log.error_message is
'Why it failed, without secrets; NULL where consent is missing. Shown by get_sync_activity() only.';
