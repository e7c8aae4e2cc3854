-- The log belongs to the org: every member sees all of it, and user_id only names who did it.
alter table syncwell.sync_activity_log enable row level security;

create policy own_org_reads on syncwell.sync_activity_log for select
using (org_id = (select syncwell.current_org_id()));

-- Append-only: nobody may insert, update or delete; functions write. Texts of errors are shown by a function.
grant select (
  org_id, created_at, id, user_id, record_count, duration_seconds, sync_id, action, status, entity_type
) on syncwell.sync_activity_log to syncwell_client, syncwell_reader, syncwell_worker;
