-- Progress belongs to the org: every member sees it all, and initiated_by only names who started it.
alter table syncwell.sync_progress enable row level security;

create policy own_org_reads on syncwell.sync_progress for select
using (org_id = (select syncwell.current_org_id()));

create policy own_org_inserts on syncwell.sync_progress for insert
with check (org_id = (select syncwell.current_org_id()));

create policy own_org_updates on syncwell.sync_progress for update
using (org_id = (select syncwell.current_org_id()));

grant select on syncwell.sync_progress to syncwell_client, syncwell_reader, syncwell_worker;

-- what the triggers keep is nobody's to write, and what never moves is given once
grant insert (
  org_id, id, sync_id, job_id, entity_type, current_item, total_items, processed_count, failed_count, started_at,
  source_system, batch_number, metadata, initiated_by, status
) on syncwell.sync_progress to syncwell_worker;
grant update (
  job_id, entity_type, current_item, total_items, processed_count, failed_count,
  source_system, batch_number, metadata, status
) on syncwell.sync_progress to syncwell_worker;

grant select on syncwell.sync_progress_live to syncwell_client, syncwell_reader, syncwell_worker;
