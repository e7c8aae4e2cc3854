-- Deny by default: RLS is on everywhere, and these policies are the only openings.
-- Not forced: the owner's own functions must read these tables to find out who is calling.

alter table syncwell.schema_migrations enable row level security;
alter table syncwell.orgs enable row level security;
alter table syncwell.users enable row level security;
alter table syncwell.logins enable row level security;
alter table syncwell.streams enable row level security;
alter table syncwell.error_codes enable row level security;
alter table syncwell.setting_definitions enable row level security;
alter table syncwell.settings enable row level security;
alter table syncwell.maintenance_tasks enable row level security;
alter table syncwell.personal_data enable row level security;
alter table syncwell.personal_details enable row level security;
alter table syncwell.partitioned_tables enable row level security;
alter table syncwell.feature_flags enable row level security;
alter table syncwell.consent_scopes enable row level security;
alter table syncwell.consents enable row level security;
alter table syncwell.detail_erasures enable row level security;
alter table syncwell.access_log enable row level security;

create policy everyone_reads_migrations on syncwell.schema_migrations for select using (true);
create policy everyone_reads_error_codes on syncwell.error_codes for select using (true);
create policy everyone_reads_setting_definitions on syncwell.setting_definitions for select using (true);
create policy everyone_reads_maintenance_tasks on syncwell.maintenance_tasks for select using (true);
create policy everyone_reads_personal_data on syncwell.personal_data for select using (true);
create policy everyone_reads_personal_details on syncwell.personal_details for select using (true);
create policy everyone_reads_consent_scopes on syncwell.consent_scopes for select using (true);
create policy everyone_reads_partitioned_tables on syncwell.partitioned_tables for select using (true);

create policy own_org on syncwell.orgs for select
using (org_id = (select syncwell.current_org_id()));

create policy own_user_or_whole_org on syncwell.users for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_streams_or_whole_org on syncwell.streams for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_and_common_settings on syncwell.settings for select
using (org_id is null or org_id = (select syncwell.current_org_id()));

create policy own_consents_or_whole_org on syncwell.consents for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

grant select on
syncwell.schema_migrations, syncwell.error_codes, syncwell.setting_definitions,
syncwell.maintenance_tasks, syncwell.personal_data, syncwell.personal_details, syncwell.consent_scopes,
syncwell.partitioned_tables, syncwell.orgs, syncwell.users, syncwell.streams, syncwell.settings, syncwell.consents
to syncwell_reader;
grant select on
syncwell.schema_migrations, syncwell.error_codes, syncwell.setting_definitions,
syncwell.maintenance_tasks, syncwell.personal_data, syncwell.personal_details, syncwell.consent_scopes,
syncwell.partitioned_tables
to syncwell_operator;
