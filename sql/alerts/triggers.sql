-- A statement each, however many issues it moves.

create trigger sync_issues_are_told_of_when_opened after insert on syncwell.sync_issues
referencing new table as new_issues
for each statement execute function syncwell._tell_new_issues();

create trigger sync_issues_are_told_of_when_changed after update on syncwell.sync_issues
referencing old table as old_issues new table as new_issues
for each statement execute function syncwell._tell_changed_issues();

-- Evaluations find what is wrong with streams; whether a channel works they cannot know.
create trigger sync_issues_of_channels_stay_open before update on syncwell.sync_issues
for each row
when (
  new.issue_type = 'alert_channel'
  and old.state <> 'resolved'
  and (new.gone_since is not null or new.state = 'resolved')
)
execute function syncwell._keep_channel_issue();
