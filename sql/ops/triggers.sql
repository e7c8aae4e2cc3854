-- Counters that only grow, beside rows that come and go.

create trigger total_new_hours after insert on syncwell.sync_metrics
referencing new table as new_rows
for each statement execute function syncwell._total_new_hours();

create trigger total_changed_hours after update on syncwell.sync_metrics
referencing old table as old_rows new table as new_rows
for each statement execute function syncwell._total_changed_hours();

create trigger total_expired_attempts after delete on syncwell.source_attempts
referencing old table as old_rows
for each statement execute function syncwell._total_expired_attempts();
