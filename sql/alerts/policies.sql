-- Alerts are the org's: whoever sees it all sees them.

alter table syncwell.alert_outbox enable row level security;

create policy whole_org on syncwell.alert_outbox for select
using (org_id = (select syncwell.current_org_id()) and (select syncwell._sees_org()));

grant select on syncwell.alert_outbox to syncwell_reader;

alter table syncwell.alert_routes enable row level security;
alter table syncwell.alert_channels enable row level security;
alter table syncwell.alert_deliveries enable row level security;

create policy whole_org on syncwell.alert_channels for select
using (org_id = (select syncwell.current_org_id()) and (select syncwell._sees_org()));

create policy whole_org on syncwell.alert_deliveries for select
using (org_id = (select syncwell.current_org_id()) and (select syncwell._sees_org()));

-- what channels answer is shown by functions
grant select (
  org_id, channel, opened_at, seen_at, delivered_at, failed_at, last_error_type, dead_since, dead_reason, issue_id
) on syncwell.alert_channels to syncwell_reader;
grant select (
  org_id, alert_id, channel, fingerprint, status, state, attempts, failures, next_attempt_at, created_at, ended_at,
  last_failed_at, last_error_type, reason
) on syncwell.alert_deliveries to syncwell_reader;
