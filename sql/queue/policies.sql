-- What waits is its user's, the org's own everybody's; payloads, devices and error texts are shown by functions.

alter table syncwell.sync_queue enable row level security;
alter table syncwell.queue_dependencies enable row level security;
alter table syncwell.sync_queue_archive enable row level security;
alter table syncwell.client_queues enable row level security;
alter table syncwell.rate_limits enable row level security;
alter table syncwell.queue_lanes enable row level security;
alter table syncwell.queue_defaults enable row level security;
alter table syncwell.queue_locks enable row level security;

create policy own_operations_or_whole_org on syncwell.sync_queue for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_operations_or_whole_org on syncwell.sync_queue_archive for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_queues_or_whole_org on syncwell.client_queues for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

grant select (
  org_id, id, user_id, source, operation_type, dedup_mode, priority, status, run_at, blockers, attempts, max_attempts,
  enqueued_at, claimed_at, last_failed_at, last_error_type, dead_reason, platform
) on syncwell.sync_queue to syncwell_reader;
grant select (
  org_id, id, user_id, source, operation_type, platform, status, attempts, enqueued_at, claimed_at, finished_at,
  superseded_by
) on syncwell.sync_queue_archive to syncwell_reader;
grant select (org_id, user_id, source, depth, oldest_at, platform, reported_at, received_at) on syncwell.client_queues
to syncwell_reader;
