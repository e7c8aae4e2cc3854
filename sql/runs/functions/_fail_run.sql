create or replace function syncwell._fail_run(
  p_event syncwell.sync_events,
  p_now timestamptz,
  p_error_type text,
  p_class text,
  p_retryable boolean,
  p_code text,
  p_http_status integer,
  p_message text,
  p_details jsonb,
  p_retry_after interval
)
returns syncwell.sync_errors
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events := p_event;
  v_error syncwell.sync_errors;
  v_settings constant jsonb := syncwell._settings(p_event.org_id, p_event.source, p_event.platform);
  v_counts constant boolean := p_retryable and p_class in ('transient', 'throttled', 'unknown');
  -- LEAST would take the cap for an unknown
  v_retry_after constant interval := case
    when p_retry_after is not null then least(p_retry_after, (v_settings ->> 'retry.after_cap')::interval)
  end;
  v_maximum integer := (v_settings ->> 'retry.max_retries')::integer;
  v_blocked_until timestamptz;
  v_runs bigint;
  v_retries bigint;
begin
  -- the state before the errors, as at a success: runs of one stream end one after the other
  perform from syncwell.sync_state as t
  where t.org_id = p_event.org_id and t.stream_id = p_event.stream_id
  for update;
  v_error := syncwell._note_error(
    p_event.org_id, p_event.stream_id, p_event.user_id, p_event.source, p_event.id, p_now,
    p_error_type, p_class, p_code, p_http_status, p_message, p_details
  );
  v_blocked_until := syncwell._judge_circuit(p_event, p_now, v_settings, v_counts);
  select coalesce(sum(a.runs), 0) + 1, coalesce(sum(a.retries), 0) into v_runs, v_retries
  from syncwell.source_attempts as a
  where a.org_id = p_event.org_id
    and a.source = p_event.source
    and a.minute > p_now - (v_settings ->> 'retry.budget_window')::interval;

  if p_class = 'conflict' then
    v_maximum := least(v_maximum, 1);
  end if;
  v_error.reason := case
    when p_class = 'auth' then 'needs_reauth'
    when not p_retryable then case when p_class = 'permanent' then 'permanent' else 'client' end
    when p_now >= v_error.first_seen + (v_settings ->> 'retry.max_age')::interval then 'too_old'
    when v_error.retry_count >= v_maximum then case when p_class = 'conflict' then 'permanent' else 'parked' end
    when v_blocked_until is not null then 'circuit_open'
    -- sums that other sessions add to at the same moment: the budget may be overdrawn by as many retries
    when v_retries >= v_runs * (v_settings ->> 'retry.budget_ratio')::numeric
      + (v_settings ->> 'retry.budget_floor')::integer then 'budget'
    else 'retry'
  end;
  v_error.lane := case v_error.reason
    when 'retry' then 'fast'
    when 'parked' then 'slow'
    when 'budget' then 'slow'
    when 'circuit_open' then 'slow'
    else 'none'
  end;
  if v_error.reason = 'retry' then
    v_error.retry_count := v_error.retry_count + 1;
  end if;
  -- never before Retry-After, and never before the source may be asked again
  v_error.next_retry_at := case v_error.reason
    when 'retry' then p_now + syncwell._retry_delay(v_error.retry_count, v_retry_after, null, v_settings)
    when 'circuit_open' then greatest(
      v_blocked_until + syncwell._retry_delay(v_error.retry_count + 1, null, null, v_settings),
      p_now + v_retry_after
    )
    when 'parked' then greatest(p_now + (v_settings ->> 'retry.slow_interval')::interval, p_now + v_retry_after)
    when 'budget' then greatest(p_now + (v_settings ->> 'retry.slow_interval')::interval, p_now + v_retry_after)
  end;
  update syncwell.sync_errors as e
  set
    retry_count = v_error.retry_count,
    next_retry_at = v_error.next_retry_at,
    lane = v_error.lane,
    reason = v_error.reason,
    retry_lease = null,
    retry_lease_until = null
  where e.org_id = v_error.org_id and e.id = v_error.id;

  if p_class = 'throttled' and v_retry_after > interval '0' then
    perform syncwell._block_source(
      p_event.org_id, p_event.source, p_now, p_now + v_retry_after, (v_settings ->> 'circuit.cooldown')::interval
    );
  end if;
  v_event.error_id := v_error.id;
  v_event.error_type := v_error.error_type;
  v_event.error_code := v_error.error_code;
  v_event.error_message := v_error.error_message;
  perform syncwell._finish_run(
    v_event, p_now, v_counts::integer, case when v_error.reason = 'retry' then 1 else 0 end
  );
  return v_error;
end
$$;
comment on function
syncwell._fail_run(
  syncwell.sync_events, timestamptz, text, text, boolean, text, integer, text, jsonb, interval
) is
'The one rule of what a failure does, for record_sync_error() and the reaper: writes the error, decides on its retry, '
'judges the circuit, ends the run. p_event: the locked row with its new status and lease. The first that holds gives '
'reason and lane: auth (needs_reauth, none), not retryable (permanent, none; of a class that passes: its client does '
'it, client, none), older than retry.max_age (too_old, none), fast retries used up (parked, slow; a conflict: '
'permanent, none), circuit not closed (circuit_open, slow), budget spent (budget, slow), else retry (fast). Only retry '
'adds to retry_count, and what is not retryable never counts against its source.';
revoke all on function
syncwell._fail_run(
  syncwell.sync_events, timestamptz, text, text, boolean, text, integer, text, jsonb, interval
) from public;
