-- Triggers of one event fire in the order of their names: labels first, then counts.
-- A column list costs nothing where no such column is set; a WHEN is parsed anew for every statement.
create trigger sync_progress_a_labels
before update of org_id, id, sync_id, started_at, completed_at, entity_type, source_system, job_id, metadata
on syncwell.sync_progress
for each row execute function syncwell._label_sync_progress();

create trigger sync_progress_b_counts before insert or update on syncwell.sync_progress
for each row execute function syncwell._count_sync_progress();

-- A notification takes a lock on the whole database at commit: no trigger that sends one may fire on a plain report.
-- Changes of status are told of by _settle_sync_progress().
create trigger sync_progress_c_starts after insert on syncwell.sync_progress
for each row execute function syncwell._notify_sync_progress();

-- A run that ends takes its progress along.
create trigger sync_progress_ends_with_its_run after update of status on syncwell.sync_events
for each row when (new.status is distinct from old.status and new.status <> 'started')
execute function syncwell._end_sync_progress_of_run();
