-- Reports are also deleted from outside: by whoever erases details of devices.
create trigger sync_health_recounts_queues after delete on syncwell.sync_health
referencing old table as old_rows
for each statement execute function syncwell._recount_deleted_reports();

create trigger client_queues_count_in_health
after insert or update of depth, oldest_at, reported_at on syncwell.client_queues
for each row execute function syncwell._tell_client_queue();

-- A statement each, however many issues it moves.
create trigger sync_issues_wake_listeners_when_opened after insert on syncwell.sync_issues
referencing new table as changed_issues
for each statement execute function syncwell._tell_issue_states();

create trigger sync_issues_wake_listeners_when_changed after update on syncwell.sync_issues
referencing new table as changed_issues
for each statement execute function syncwell._tell_issue_states();

create trigger sync_issues_wake_listeners_when_deleted after delete on syncwell.sync_issues
referencing old table as changed_issues
for each statement execute function syncwell._tell_issue_states();
