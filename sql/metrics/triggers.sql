-- Days go by the runs' start: a run belongs to the hour it was started in, however late it is written.

create trigger mark_inserted_hours after insert on syncwell.sync_events
referencing new table as new_rows
for each statement execute function syncwell._mark_new_hours();

create trigger mark_updated_hours after update on syncwell.sync_events
referencing old table as old_rows new table as new_rows
for each statement execute function syncwell._mark_changed_hours();

create trigger mark_deleted_hours after delete on syncwell.sync_events
referencing old table as old_rows
for each statement execute function syncwell._mark_old_hours();
