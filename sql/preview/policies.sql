-- Previews belong to the org: every member sees them all as long as they are valid, computed_by only names who had them
-- computed. Leases are nobody's to look at.
alter table syncwell.sync_preview_cache enable row level security;
alter table syncwell.preview_claims enable row level security;

create policy own_org_reads on syncwell.sync_preview_cache for select
using (org_id = (select syncwell.current_org_id()) and expires_at > (select syncwell._now()));

create policy own_org_inserts on syncwell.sync_preview_cache for insert
with check (org_id = (select syncwell.current_org_id()));

create policy own_org_updates on syncwell.sync_preview_cache for update
using (org_id = (select syncwell.current_org_id()));

grant select on syncwell.sync_preview_cache to syncwell_client, syncwell_reader, syncwell_worker;

-- what the triggers keep is nobody's to write, and what never moves is given once
grant insert (org_id, id, sync_type, sync_id, delta_json, expires_at, cache_key) on syncwell.sync_preview_cache
to syncwell_worker;
grant update (sync_id, delta_json, expires_at) on syncwell.sync_preview_cache to syncwell_worker;
