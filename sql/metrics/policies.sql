-- As of the runs they are counted from.

alter table syncwell.sync_metrics enable row level security;
alter table syncwell.sync_metrics_calendars enable row level security;
alter table syncwell.sync_metrics_dirty enable row level security;

create policy own_metrics_or_whole_org on syncwell.sync_metrics for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

grant select on syncwell.sync_metrics to syncwell_reader;
