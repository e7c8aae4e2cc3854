-- What a user did is the user's and the org's analysts'; an event of nobody the org's own, everybody's.

alter table syncwell.local_ids enable row level security;
alter table syncwell.data_events enable row level security;
alter table syncwell.data_event_keys enable row level security;
alter table syncwell.event_hours enable row level security;
alter table syncwell.sync_sessions enable row level security;
alter table syncwell.session_records enable row level security;
alter table syncwell.session_counts enable row level security;
alter table syncwell.session_merges enable row level security;
alter table syncwell.session_merge_moves enable row level security;

create policy own_names_or_whole_org on syncwell.local_ids for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_events_or_whole_org on syncwell.data_events for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_hours_or_whole_org on syncwell.event_hours for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_sessions_or_whole_org on syncwell.sync_sessions for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_records_or_whole_org on syncwell.session_records for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_counts_or_whole_org on syncwell.session_counts for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_merges_or_whole_org on syncwell.session_merges for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

grant select (org_id, user_id, entity_type, local_id, server_id, created_at) on syncwell.local_ids to syncwell_reader;
grant select on syncwell.data_events to syncwell_reader;
grant select on syncwell.event_hours to syncwell_reader;
grant select (
  org_id, session_id, user_id, local_id, source, status, sync_status, sync_attempts, last_sync_at, last_error_code,
  data_source, started_at, ended_at, expected, metadata, platform, created_at, updated_at
) on syncwell.sync_sessions to syncwell_reader, syncwell_client;
grant select on syncwell.session_records to syncwell_reader, syncwell_client;
grant select on syncwell.session_counts to syncwell_reader;
grant select (org_id, merge_id, user_id, kept_id, removed_id, reason, moved, merged_at, reverted_at)
on syncwell.session_merges to syncwell_reader;
