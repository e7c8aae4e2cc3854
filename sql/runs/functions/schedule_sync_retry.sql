create or replace function syncwell.schedule_sync_retry(
  p_error_id uuid,
  p_delay interval default null
)
returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error syncwell.sync_errors := syncwell._locked_error(p_error_id);
  v_settings jsonb;
  v_next timestamptz;
begin
  perform syncwell._check_duration('p_delay', p_delay, '0', '1 year');
  if v_error.resolved_at is not null then
    perform syncwell._refuse_resolved_error(p_error_id);
  end if;
  v_settings := syncwell._settings(v_error.org_id, v_error.source);
  v_next := syncwell._now() + coalesce(
    p_delay,
    syncwell._retry_delay(v_error.retry_count + 1, null, null, v_settings),
    (v_settings ->> 'retry.slow_interval')::interval
  );
  -- whoever has claimed it meanwhile is too late: this decision is the newer one
  update syncwell.sync_errors as e
  set
    retry_count = e.retry_count + 1,
    next_retry_at = v_next,
    lane = 'fast',
    reason = 'scheduled',
    retry_lease = null,
    retry_lease_until = null
  where e.org_id = v_error.org_id and e.id = v_error.id;
  return v_next;
end
$$;
comment on function syncwell.schedule_sync_retry(uuid, interval) is
'Puts the open error p_error_id up for retry after p_delay (0 to 1 year; NULL: retry_delay() of its next retry, '
'setting retry.slow_interval once those are used up), whatever was decided before, and counts the retry. '
'claim_due_retries() hands it out then. Returns when. Errors: SW001, SW104, SW106 it is resolved, 22004, 22023.';
revoke all on function syncwell.schedule_sync_retry(uuid, interval) from public;
grant execute on function syncwell.schedule_sync_retry(uuid, interval) to syncwell_worker;
