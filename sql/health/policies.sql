-- A stream's health is its user's, and the whole org's where that may be seen; functions decide who handles issues.

alter table syncwell.stream_states enable row level security;
alter table syncwell.stream_periods enable row level security;
alter table syncwell.sync_health enable row level security;
alter table syncwell.sync_health_hours enable row level security;
alter table syncwell.sync_issues enable row level security;
alter table syncwell.silences enable row level security;
alter table syncwell.maintenance_windows enable row level security;
alter table syncwell.health_evaluations enable row level security;
alter table syncwell.blind_periods enable row level security;
alter table syncwell.volume_baselines enable row level security;

create policy own_states_or_whole_org on syncwell.stream_states for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_periods_or_whole_org on syncwell.stream_periods for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_reports_or_whole_org on syncwell.sync_health for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_report_hours_or_whole_org on syncwell.sync_health_hours for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

-- what is no stream's (mass_staleness) is the org's, and tells of all its streams
create policy own_issues_or_whole_org on syncwell.sync_issues for select
using (
  org_id = (select syncwell.current_org_id())
  and (
    (select syncwell._sees_org())
    or user_id = (select syncwell.current_user_id())
    or (user_id is null and stream_id is not null)
  )
);

create policy whole_org on syncwell.silences for select
using (org_id = (select syncwell.current_org_id()) and (select syncwell._sees_org()));

create policy own_windows_or_whole_org on syncwell.maintenance_windows for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_org on syncwell.health_evaluations for select
using (org_id = (select syncwell.current_org_id()));

create policy own_org on syncwell.blind_periods for select
using (org_id = (select syncwell.current_org_id()));

create policy own_volumes_or_whole_org on syncwell.volume_baselines for select
using (
  org_id = (select syncwell.current_org_id())
  and (
    (select syncwell._sees_org())
    or user_id = (select syncwell.current_user_id())
    or (user_id is null and stream_id is not null)
  )
);

grant select on syncwell.stream_states, syncwell.stream_periods, syncwell.sync_health_hours, syncwell.volume_baselines
to syncwell_reader;
grant select on
syncwell.silences, syncwell.maintenance_windows, syncwell.health_evaluations, syncwell.blind_periods
to syncwell_reader;
-- devices and networks are shown by functions or not at all
grant select (
  org_id, stream_id, user_id, source, platform, sync_duration_ms, record_count, error_count, queue_depth,
  oldest_pending_at, reported_at, received_at
) on syncwell.sync_health to syncwell_reader;
grant select (
  org_id, id, issue_type, severity, state, stream_id, user_id, source, platform, parent_id, muted_by, since, suggestion,
  opened_at, times_opened, last_seen_at, gone_since, resolved_at, acknowledged_at, acknowledged_by, note, snoozed_until
) on syncwell.sync_issues to syncwell_reader;
