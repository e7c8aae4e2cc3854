create or replace function syncwell.fail_operation(
  p_operation_id uuid,
  p_lease_token uuid,
  p_message text default null,
  p_code text default null,
  p_http_status integer default null,
  p_retry_after text default null,
  out status text,
  out retry_at timestamptz,
  out attempt integer,
  out error_type text,
  out class text,
  out reason text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- few rows by their keys, whatever the arguments are, and however small the table is when they are planned: planned
-- once a session, they must do when it has grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_now constant timestamptz := syncwell._now();
  v_operation syncwell.sync_queue;
  v_settings jsonb;
  v_retryable boolean;
begin
  perform syncwell._check_operation_ids(array[p_operation_id], p_lease_token);
  perform syncwell._check_text('p_code', p_code, 200);
  v_operation := syncwell._leased_operation(v_org_id, p_operation_id, p_lease_token);
  v_settings := syncwell._settings(v_org_id, v_operation.source, v_operation.platform);
  select c.error_type, c.class, c.retryable into error_type, class, v_retryable
  from syncwell.classify_sync_error(p_code, p_http_status, p_message) as c;
  attempt := v_operation.attempts;

  update syncwell.sync_queue as q
  set
    last_failed_at = v_now,
    last_error_type = error_type,
    last_error_code = case
      when p_code ~ '^[A-Za-z0-9_.:-]{1,64}$' then p_code
      else syncwell._redact(v_org_id, q.user_id, syncwell._scrub_secrets(p_code))
    end,
    last_error = syncwell._redact(v_org_id, q.user_id, left(syncwell._scrub_secrets(p_message), 10000))
  where q.org_id = v_org_id and q.id = p_operation_id;

  if not v_retryable or attempt >= v_operation.max_attempts then
    status := 'dead';
    reason := case when v_retryable then 'attempts' when class = 'auth' then 'auth' else 'permanent' end;
    perform syncwell._bury_operation(v_operation, reason);
    return;
  end if;

  -- past the retries that the settings count, it goes on at their longest delay
  retry_at := v_now + coalesce(
    syncwell._retry_delay(
      least(attempt, (v_settings ->> 'retry.max_retries')::integer),
      syncwell._parse_retry_after(p_retry_after),
      null,
      v_settings
    ),
    (v_settings ->> 'retry.cap')::interval
  );
  status := syncwell._put_back(v_operation, retry_at);
  reason := case status when 'pending' then 'retry' else 'twin' end;
  if status = 'superseded' then
    retry_at := null;
  end if;
end
$$;
comment on function syncwell.fail_operation(uuid, uuid, text, text, integer, text) is
'Ends an attempt at the claimed operation p_operation_id, held by p_lease_token, as failed. p_message, p_code (at '
'most 200 characters), p_http_status: what went wrong, as classify_sync_error() reads it, stored without secrets and '
'by consent; p_retry_after: as the other side sent it, seconds or an HTTP date. status pending: it is tried again at '
'retry_at, delayed as retry_delay() says (reason retry); superseded: a newer twin waits already and does it (twin); '
'dead: for good, because all attempts are used (attempts) or trying again does not help (permanent, auth), until '
'requeue_dead(). attempt: which one failed. Errors: SW001, SW401, SW402, 22001, 22004, 22023, 40001.';
revoke all on function syncwell.fail_operation(uuid, uuid, text, text, integer, text) from public;
grant execute on function syncwell.fail_operation(uuid, uuid, text, text, integer, text) to syncwell_worker;
