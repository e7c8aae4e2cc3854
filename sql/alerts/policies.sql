-- Alerts are the org's: whoever sees it all sees them.

alter table syncwell.alert_outbox enable row level security;

create policy whole_org on syncwell.alert_outbox for select
using (org_id = (select syncwell.current_org_id()) and (select syncwell._sees_org()));

grant select on syncwell.alert_outbox to syncwell_reader;
