-- A member sees its own rows and the org's own streams, analysts and admins all of their org; only functions write.

alter table syncwell.sync_events enable row level security;
alter table syncwell.sync_run_keys enable row level security;
alter table syncwell.sync_state enable row level security;
alter table syncwell.sync_errors enable row level security;
alter table syncwell.source_attempts enable row level security;
alter table syncwell.circuits enable row level security;

create policy own_runs_or_whole_org on syncwell.sync_events for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_state_or_whole_org on syncwell.sync_state for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_errors_or_whole_org on syncwell.sync_errors for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

-- counts over all users of a source are not a user's own
create policy whole_org on syncwell.source_attempts for select
using (org_id = (select syncwell.current_org_id()) and (select syncwell._sees_org()));

-- of a source that only others use, a member learns not even that there is one
create policy own_sources_or_whole_org on syncwell.circuits for select
using (
  org_id = (select syncwell.current_org_id())
  and (
    (select syncwell._sees_org())
    or exists (
      select from syncwell.streams as s
      where s.org_id = circuits.org_id and s.source = circuits.source
    )
  )
);

-- by column: error texts, details, devices, networks and leases are shown by functions or not at all
grant select (
  org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms,
  items_processed, items_created, items_updated, items_deleted, items_failed, direction, bytes, error_id,
  error_type, error_code, sync_token_before, sync_token_after, platform, attempt, parent_id, run_key,
  heartbeat_at
) on syncwell.sync_events to syncwell_reader;
grant select on syncwell.sync_state to syncwell_reader;
grant select (
  org_id, id, stream_id, user_id, source, event_id, fingerprint, error_type, error_class, error_code, http_status,
  retry_count, next_retry_at, lane, reason, retry_lease_until, resolved_at, created_at, first_seen, last_seen,
  occurrences
) on syncwell.sync_errors to syncwell_reader;
grant select on syncwell.source_attempts to syncwell_reader;
grant select (
  org_id, source, state, opened_at, closed_at, cooldown, reopen_at, probe_event, probe_until
) on syncwell.circuits to syncwell_reader;
