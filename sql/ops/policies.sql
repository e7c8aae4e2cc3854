-- Of the installation, not of an org: operators read these through functions.

alter table syncwell.maintenance_duties enable row level security;
alter table syncwell.maintenance_runs enable row level security;
alter table syncwell.installed_objects enable row level security;
alter table syncwell.erasures enable row level security;

-- Turns to sync are their user's and the org's analysts'; those of nobody the org's own, everybody's.

alter table syncwell.sync_slots enable row level security;
alter table syncwell.sync_paces enable row level security;

create policy own_slots_or_whole_org on syncwell.sync_slots for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_paces_or_whole_org on syncwell.sync_paces for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

grant select (org_id, user_id, source, taken_at, held_until, asked_at) on syncwell.sync_slots to syncwell_reader;
grant select (org_id, user_id, source, reason, allowed_at, finished_at, failed_at, failures, asked_at)
on syncwell.sync_paces to syncwell_reader;

-- that somebody was erased is no org's secret, and says not whom
create policy operators_read_erasures on syncwell.erasures for select to syncwell_operator using (true);
grant select on syncwell.erasures to syncwell_operator;

-- of all orgs, as its callers are
alter table syncwell.imports enable row level security;
create policy operators_read_imports on syncwell.imports for select to syncwell_operator using (true);
grant select on syncwell.imports to syncwell_operator;

-- counts over all users of a source are not a user's own
alter table syncwell.metric_totals enable row level security;
create policy whole_org on syncwell.metric_totals for select
using (org_id = (select syncwell.current_org_id()) and (select syncwell._sees_org()));
grant select on syncwell.metric_totals to syncwell_reader;
