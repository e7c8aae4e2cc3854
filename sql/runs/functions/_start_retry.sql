create or replace function syncwell._start_retry(
  p_org_id uuid,
  p_stream_id uuid,
  p_error_id uuid,
  p_retry_lease uuid,
  p_event_id uuid,
  p_now timestamptz,
  out attempt integer,
  out parent_id uuid
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error syncwell.sync_errors;
begin
  select e.* into v_error
  from syncwell.sync_errors as e
  where e.org_id = p_org_id and e.id = p_error_id and e.stream_id = p_stream_id
  for update;
  if not found then
    perform syncwell._refuse_unknown_error(p_error_id);
  end if;
  if v_error.resolved_at is not null then
    perform syncwell._refuse_resolved_error(p_error_id);
  end if;
  -- a claim keeps everybody else out for as long as it holds
  if (p_retry_lease is null and v_error.retry_lease_until > p_now)
    or (p_retry_lease is not null and p_retry_lease is distinct from v_error.retry_lease)
    or (p_retry_lease is not null and v_error.retry_lease_until <= p_now)
  then
    raise exception using
      errcode = 'SW102',
      message = 'somebody else has this retry',
      detail = format('Error %s is claimed with another lease, or the claim is over.', p_error_id),
      hint = 'Leave it to them; claim_due_retries() hands out what is due.';
  end if;
  -- from here on the run is what is waited for, not the clock
  update syncwell.sync_errors as e
  set next_retry_at = null, retry_lease = null, retry_lease_until = null
  where e.org_id = p_org_id and e.id = p_error_id;
  if p_retry_lease is not null then
    update syncwell.circuits as c
    set probe_event = p_event_id
    where c.org_id = p_org_id and c.source = v_error.source and c.probe_token = p_retry_lease;
  end if;
  attempt := v_error.retry_count + 1;
  parent_id := v_error.event_id;
end
$$;
comment on function syncwell._start_retry(uuid, uuid, uuid, uuid, uuid, timestamptz) is
'Marks the retry of an error as running in the run p_event_id. Errors: SW102, SW104, SW106.';
revoke all on function syncwell._start_retry(uuid, uuid, uuid, uuid, uuid, timestamptz) from public;
