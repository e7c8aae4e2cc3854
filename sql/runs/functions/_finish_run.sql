create or replace function syncwell._finish_run(
  p_event syncwell.sync_events,
  p_now timestamptz,
  p_failures integer,
  p_retries integer
)
returns syncwell.sync_events
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- planning for all partitions costs more than the statement; its one partition is found when it runs
set plan_cache_mode = force_generic_plan
as $$
declare
  v_event syncwell.sync_events := p_event;
  v_moved constant boolean := p_event.status in ('success', 'partial');
  v_failed constant boolean := p_event.status in ('failed', 'timeout');
  v_threshold integer;
begin
  v_event.completed_at := greatest(p_now, p_event.started_at);
  v_event.duration_ms := round(extract(epoch from v_event.completed_at - v_event.started_at) * 1000);
  if v_failed then
    v_threshold := syncwell._setting(
      p_event.org_id, 'runs.failure_threshold', p_event.source, p_event.platform
    )::integer;
  end if;

  if v_event.lease is null then
    v_event.lease := gen_random_uuid();
    insert into syncwell.sync_events select (v_event).*;
  else
    update syncwell.sync_events as e
    set
      status = v_event.status,
      completed_at = v_event.completed_at,
      duration_ms = v_event.duration_ms,
      items_processed = v_event.items_processed,
      items_created = v_event.items_created,
      items_updated = v_event.items_updated,
      items_deleted = v_event.items_deleted,
      items_failed = v_event.items_failed,
      sync_token_after = v_event.sync_token_after,
      error_id = v_event.error_id,
      error_type = v_event.error_type,
      error_code = v_event.error_code,
      error_message = v_event.error_message,
      lease = v_event.lease
    where e.org_id = v_event.org_id and e.id = v_event.id;
  end if;

  -- a run that moved data ends the streak, even if some items failed; a cancelled one says nothing of the health
  update syncwell.sync_state as t
  set
    last_sync_token = case
      when v_moved then coalesce(v_event.sync_token_after, t.last_sync_token) else t.last_sync_token
    end,
    last_full_sync = case
      when v_moved and v_event.sync_type = 'full' then v_event.completed_at else t.last_full_sync
    end,
    last_incremental_sync = case
      when v_moved and v_event.sync_type = 'incremental' then v_event.completed_at else t.last_incremental_sync
    end,
    last_successful_sync = case when v_moved then v_event.completed_at else t.last_successful_sync end,
    last_failed_sync = case when v_failed then v_event.completed_at else t.last_failed_sync end,
    last_status = v_event.status,
    last_run_at = v_event.completed_at,
    last_duration_ms = v_event.duration_ms,
    consecutive_failures = case when v_moved then 0 else t.consecutive_failures + v_failed::integer end,
    is_healthy = case
      when v_moved then true
      when v_failed then t.consecutive_failures + 1 < v_threshold
      else t.is_healthy
    end,
    health_check_at = case when v_moved or v_failed then v_event.completed_at else t.health_check_at end,
    next_sync_at = syncwell._next_sync(s.org_id, s.cron, s.time_zone, s.expected_interval, v_event.completed_at),
    recent_outcomes = case
      when not (v_moved or v_failed) then t.recent_outcomes
      else
        substring(t.recent_outcomes from greatest(length(t.recent_outcomes) - 18, 1))
        || case when v_moved then b'1' else b'0' end
    end,
    total_runs = t.total_runs + 1,
    items_in_database = case
      when v_event.direction = 'pull' or coalesce(v_event.items_created, v_event.items_deleted) is null
        then t.items_in_database
      -- at the end of its range it stays there: no counter may keep a run from ending
      else least(greatest(
        coalesce(t.items_in_database, 0)::numeric + coalesce(v_event.items_created, 0)
        - coalesce(v_event.items_deleted, 0),
        -9223372036854775808
      ), 9223372036854775807)::bigint
    end
  from syncwell.streams as s
  where t.org_id = v_event.org_id
    and t.stream_id = v_event.stream_id
    and s.org_id = v_event.org_id
    and s.stream_id = v_event.stream_id;

  if v_moved then
    update syncwell.sync_errors as e
    set resolved_at = p_now, next_retry_at = null, lane = 'none', retry_lease = null, retry_lease_until = null
    where e.org_id = v_event.org_id
      and e.stream_id = v_event.stream_id
      and e.resolved_at is null
      and (e.event_id is not null or e.id = p_event.error_id);
    -- the probe is back; so is any other run that ventured out after the cooldown
    update syncwell.circuits as c
    set state = 'closed', closed_at = p_now, probe_token = null, probe_event = null, probe_until = null
    where c.org_id = v_event.org_id
      and c.source = v_event.source
      and c.state <> 'closed'
      and (c.probe_event = v_event.id or (c.reopen_at <= p_now and v_event.started_at >= c.opened_at));
  end if;

  -- last, and in a row that hardly anybody shares: nobody waits for it while holding what others need
  if v_moved or v_failed then
    insert into syncwell.source_attempts as a (org_id, source, minute, shard, runs, failures, retries)
    values (
      v_event.org_id, v_event.source, date_trunc('minute', p_now), pg_backend_pid() % 256, 1, p_failures, p_retries
    )
    on conflict (org_id, source, minute, shard) do update
    set
      runs = a.runs + 1,
      failures = a.failures + excluded.failures,
      retries = a.retries + excluded.retries;
  end if;
  return v_event;
end
$$;
comment on function syncwell._finish_run(syncwell.sync_events, timestamptz, integer, integer) is
'The one rule of what the end of a run does. p_event: the locked row as it shall become (status, counts, token, '
'error, lease; error_id: while it succeeds, the error it retried), or without a lease a run that was never open, which '
'is written whole; p_failures, p_retries: what it adds to the '
'source''s counts. success, partial: the failure streak ends, the stream is healthy, every open error that a run of '
'the stream wrote and the one retried are resolved, a circuit that waited for it closes. failed, timeout: the streak '
'grows. cancelled: neither. Locks, in this order: run, state, errors, circuit, counts.';
revoke all on function syncwell._finish_run(syncwell.sync_events, timestamptz, integer, integer) from public;
