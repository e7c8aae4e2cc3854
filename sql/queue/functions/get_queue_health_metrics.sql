create or replace function syncwell.get_queue_health_metrics(p_user_id uuid default null)
returns table (
  source text,
  platform text,
  depth bigint,
  ready bigint,
  scheduled bigint,
  retrying bigint,
  blocked bigint,
  processing bigint,
  dead bigint,
  expired_leases bigint,
  oldest_ready_at timestamptz,
  oldest_ready_seconds numeric,
  oldest_enqueued_at timestamptz,
  p95_wait_ms double precision,
  p95_service_ms double precision,
  arrivals_per_minute numeric,
  completions_per_minute numeric,
  drain_seconds numeric,
  client_queues bigint,
  client_depth numeric,
  client_oldest_at timestamptz,
  client_reported_at timestamptz,
  client_report_seconds numeric
)
language plpgsql volatile security definer rows 10
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._note_access('get_queue_health_metrics', p_user_id);
  return query select m.* from syncwell._queue_health_metrics(p_user_id) as m;
end
$$;
comment on function syncwell.get_queue_health_metrics(uuid) is
'How the queue is: an overall row first (source NULL), then one a source and platform, what waits longest first. '
'p_user_id NULL = everything the caller may see. depth: not done and not dead, of which ready (may be claimed now), '
'scheduled (not yet), retrying (after a failure, not yet), blocked (wait for others), processing; dead: until '
'somebody requeues them; expired_leases: processing, but their worker is gone. oldest_ready_at, oldest_ready_seconds '
'(0: none): since when what is ready could have been done; what waits for its time does not count, and depth alone '
'is no alarm. oldest_enqueued_at: end to end. p95_wait_ms (sent to claimed), p95_service_ms (claimed to done), by '
'nearest rank: of the newest 1000 that were finished within an hour, NULL without any. arrivals_per_minute, '
'completions_per_minute: over five minutes, or what the newest 1000 cover. drain_seconds: until nothing is ready at '
'that pace, NULL = never. client_queues: devices that told of queues of their own, client_depth and client_oldest_at '
'what they hold, NULL = not known; client_reported_at, client_report_seconds: the oldest of these reports and its '
'age. Asking about another user is written to the access log. Errors: SW001, SW002, 25006 (another user, in a '
'read-only transaction).';
revoke all on function syncwell.get_queue_health_metrics(uuid) from public;
grant execute on function syncwell.get_queue_health_metrics(uuid) to syncwell_client, syncwell_reader;
