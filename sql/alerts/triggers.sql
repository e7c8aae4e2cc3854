-- A statement each, however many issues it moves.

create trigger sync_issues_are_told_of_when_opened after insert on syncwell.sync_issues
referencing new table as new_issues
for each statement execute function syncwell._tell_new_issues();

create trigger sync_issues_are_told_of_when_changed after update on syncwell.sync_issues
referencing old table as old_issues new table as new_issues
for each statement execute function syncwell._tell_changed_issues();
