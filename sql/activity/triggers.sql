create trigger sync_activity_log_stays before update on syncwell.sync_activity_log
for each row execute function syncwell._keep_activity();

-- By the row: runs start and end one by one, and a statement's transition table costs more than both entries.
create trigger activity_of_new_runs after insert on syncwell.sync_events
for each row execute function syncwell._log_run();

-- A heartbeat sets no status and does not pay for this.
create trigger activity_of_ended_runs after update of status on syncwell.sync_events
for each row when (old.status = 'started' and new.status <> 'started')
execute function syncwell._log_run();
