-- progress: where every running sync stands.

create table syncwell.sync_progress (
  org_id uuid not null default syncwell.current_org_id(),
  id uuid not null default gen_random_uuid(),
  sync_id text not null,
  job_id text,
  entity_type syncwell.sync_entity_type,
  current_item bigint,
  total_items bigint,
  processed_count bigint not null default 0,
  failed_count bigint not null default 0,
  speed_items_per_min numeric,
  eta_seconds numeric,
  elapsed_seconds numeric not null,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  completed_at timestamptz,
  source_system text,
  batch_number integer,
  metadata jsonb,
  initiated_by uuid default syncwell.current_user_id(),
  status syncwell.sync_status_type not null,
  paused_at timestamptz,
  paused_seconds numeric not null,
  last_progress_at timestamptz not null,
  stall_seconds double precision not null,
  ew_n double precision not null,
  ew_t double precision not null,
  ew_gap double precision,
  ew_base double precision not null,
  primary key (org_id, id),
  -- No CHECK: it is parsed anew for every statement, and two of them cost a report as much as its whole trigger.
  -- No foreign key: every update would look at its triggers. The trigger of the table checks all of it.
  constraint sync_progress_is_one_per_sync unique (org_id, sync_id)
)
-- room for a second version of each row on its page: reports stay heap-only
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- No index names a column that a plain report changes.
create index sync_progress_active on syncwell.sync_progress (org_id, started_at)
where status in ('pending', 'in_progress', 'paused');
create index sync_progress_by_job on syncwell.sync_progress (org_id, job_id, started_at) where job_id is not null;
create index sync_progress_by_entity on syncwell.sync_progress (org_id, entity_type, started_at);
create index sync_progress_by_end on syncwell.sync_progress (org_id, completed_at) where completed_at is not null;
create index sync_progress_by_initiator on syncwell.sync_progress (org_id, initiated_by) where initiated_by is not null;

comment on table syncwell.sync_progress is
'One row a sync: what it has done of how much. Written with plain INSERT and UPDATE or report_sync_progress(); read '
'for a screen through sync_progress_live. Finished rows leave after setting progress.keep_finished.';
comment on column syncwell.sync_progress.org_id is 'The org; never moves.';
comment on column syncwell.sync_progress.id is
'The row''s id, the only thing about it that notifications carry; never moves.';
comment on column syncwell.sync_progress.sync_id is
'The sync''s own name, unique in the org, up to 200 characters; for a run of sync_events its id as text. Never moves.';
comment on column syncwell.sync_progress.job_id is 'The job it is part of, up to 200 characters; NULL: none.';
comment on column syncwell.sync_progress.entity_type is
'What is synced: a built-in type or one of setting progress.entity_types; NULL: not told.';
comment on column syncwell.sync_progress.current_item is 'Number of the item worked on now; NULL: not told.';
comment on column syncwell.sync_progress.total_items is
'Items there are to do; may grow, may shrink down to what is counted; NULL: not counted yet.';
comment on column syncwell.sync_progress.processed_count is
'Items done well; goes back only with status pending (a reset).';
comment on column syncwell.sync_progress.failed_count is
'Items done that failed; goes back only with status pending (a reset).';
comment on column syncwell.sync_progress.speed_items_per_min is
'processed_count / elapsed_seconds * 60 at the last write; NULL in the first instant.';
comment on column syncwell.sync_progress.eta_seconds is
'(total - processed - failed) / speed * 60 at the last write, in seconds; NULL while it can''t be known and when '
'the sync ended undone. What holds now: sync_progress_live.eta_now.';
comment on column syncwell.sync_progress.elapsed_seconds is
'Seconds since the start, or since the last reset, without pauses, at the last write or the end.';
comment on column syncwell.sync_progress.started_at is
'When the sync started: now where the insert does not say; never moves.';
comment on column syncwell.sync_progress.updated_at is 'When the row was last written.';
comment on column syncwell.sync_progress.completed_at is 'When it ended, however it ended; NULL: it has not.';
comment on column syncwell.sync_progress.source_system is
'The system it is synced from, up to 200 characters; settings can be set for it as a source.';
comment on column syncwell.sync_progress.batch_number is 'Number of the batch worked on now; NULL: not told.';
comment on column syncwell.sync_progress.metadata is 'Anything the org wants to keep with it, up to 64 KiB.';
comment on column syncwell.sync_progress.initiated_by is
'The user who started it; NULL: a service did, or the user is gone.';
comment on column syncwell.sync_progress.status is
'pending, in_progress, paused; ended: completed, completed_with_errors, failed, cancelled, timeout.';
comment on column syncwell.sync_progress.paused_at is 'Internal: since when it is paused; NULL: it is not.';
comment on column syncwell.sync_progress.paused_seconds is
'Internal: seconds since started_at that don''t count: pauses, and all before the last reset.';
comment on column syncwell.sync_progress.last_progress_at is
'Internal: when a count last rose, to the second; shifted by pauses.';
comment on column syncwell.sync_progress.stall_seconds is
'Internal: setting progress.stall_timeout as it was at the last change of status.';
comment on column syncwell.sync_progress.ew_n is
'Internal: items counted, decayed; ew_n / ew_t is the recent rate a second.';
comment on column syncwell.sync_progress.ew_t is 'Internal: seconds, decayed like ew_n.';
comment on column syncwell.sync_progress.ew_gap is
'Internal: decayed mean of the seconds between two reports that counted something.';
comment on column syncwell.sync_progress.ew_base is 'Internal: what was counted when ew_n was last brought forward.';
