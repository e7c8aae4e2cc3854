-- What was pushed and which records changed is its owner's; the map of tables and columns is everybody's.

alter table syncwell.synced_tables enable row level security;
alter table syncwell.synced_columns enable row level security;
alter table syncwell.unregistered_tables enable row level security;
alter table syncwell.record_changes enable row level security;
alter table syncwell.sync_incarnations enable row level security;
alter table syncwell.sync_cursors enable row level security;
alter table syncwell.sync_horizons enable row level security;
alter table syncwell.sync_devices enable row level security;
alter table syncwell.sync_requests enable row level security;
alter table syncwell.sync_conflicts enable row level security;
alter table syncwell.sync_quarantine enable row level security;

create policy everyone_reads_synced_tables on syncwell.synced_tables for select using (true);
create policy everyone_reads_synced_columns on syncwell.synced_columns for select using (true);

create policy own_records_or_whole_org on syncwell.record_changes for select
using (
  scope = (select syncwell.current_user_id())
  or scope = (select syncwell.current_org_id())
  or (
    (select syncwell._sees_org())
    and exists (
      select from syncwell.users as u
      where u.org_id = (select syncwell.current_org_id()) and u.user_id = record_changes.scope
    )
  )
);

create policy own_devices_or_whole_org on syncwell.sync_devices for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_conflicts_or_whole_org on syncwell.sync_conflicts for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_quarantine_or_whole_org on syncwell.sync_quarantine for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

grant select on syncwell.synced_tables, syncwell.synced_columns
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
-- transaction ids and the versions of records are shown by functions or not at all
grant select (scope, table_id, record_id, deleted_at) on syncwell.record_changes to syncwell_reader;
grant select (
  org_id, user_id, platform, app_version, first_seen, last_seen, last_pull, last_push, cursor_at, schema_version,
  pulls, pushes, failures, conflicts, quarantined, full_resyncs, failing_since, last_error_code
) on syncwell.sync_devices to syncwell_reader;
grant select (
  org_id, id, user_id, table_name, record_id, action, policy, outcome, occurred_at, choice, resolved_at, resolved_by
) on syncwell.sync_conflicts to syncwell_reader;
grant select (
  org_id, id, user_id, table_name, record_id, action, error_code, quarantined_at, resolved_at
) on syncwell.sync_quarantine to syncwell_reader;
