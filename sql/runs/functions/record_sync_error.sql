create or replace function syncwell.record_sync_error(
  p_event_id uuid,
  p_lease uuid,
  p_message text,
  p_code text default null,
  p_http_status integer default null,
  p_details jsonb default null,
  p_retry_after text default null,
  p_items_processed bigint default null,
  out error_id uuid,
  out error_type text,
  out class text,
  out should_retry boolean,
  out retry_at timestamptz,
  out attempt integer,
  out lane text,
  out reason text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_event syncwell.sync_events := syncwell._leased_run(p_event_id, p_lease);
  v_error syncwell.sync_errors;
  v_kind record;
  v_retry_after constant interval := syncwell._parse_retry_after(p_retry_after);
begin
  perform syncwell._check_error(p_message, p_code, p_http_status, p_details);
  perform syncwell._check_count('p_items_processed', p_items_processed);
  v_kind := syncwell.classify_sync_error(p_code, p_http_status, p_message);
  -- a busy server that says when to come back is throttling
  if v_kind.error_type = 'HTTP_503' and v_retry_after is not null then
    v_kind.class := 'throttled';
  end if;

  if v_event.status = 'started' then
    v_event.status := 'failed';
    v_event.items_processed := coalesce(p_items_processed, v_event.items_processed);
    v_error := syncwell._fail_run(
      v_event, syncwell._now(), v_kind.error_type, v_kind.class, v_kind.retryable, p_code, p_http_status, p_message,
      p_details, v_retry_after
    );
  else
    -- told again: the same answer, unless it is another story
    select e.* into v_error
    from syncwell.sync_errors as e
    where e.org_id = v_event.org_id
      and e.id = v_event.error_id
      and v_event.status = 'failed'
      and e.fingerprint = syncwell._error_fingerprint(
        v_kind.class, p_code, p_http_status, syncwell._scrub_secrets(p_message)
      );
    if not found or p_items_processed is not null and p_items_processed is distinct from v_event.items_processed then
      perform syncwell._refuse_finished_run(v_event);
    end if;
  end if;

  error_id := v_error.id;
  error_type := v_error.error_type;
  class := v_error.error_class;
  retry_at := v_error.next_retry_at;
  should_retry := v_error.lane = 'fast' and v_error.next_retry_at is not null;
  attempt := v_error.retry_count;
  lane := v_error.lane;
  reason := v_error.reason;
end
$$;
comment on function
syncwell.record_sync_error(uuid, uuid, text, text, integer, jsonb, text, bigint) is
'Ends the run p_event_id, held by p_lease, as failed and decides on the retry. p_message (up to 8192 characters) and '
'p_details (up to 64 KiB) are kept without secrets and with consent; p_code: a code of the network, a SQLSTATE or any '
'other; p_http_status: of the answer, NULL = none came; p_retry_after: the header as it came, seconds or an HTTP '
'date, at most setting retry.after_cap counts; p_items_processed: handled before the failure. Returns the error, its '
'type and class (see classify_sync_error()), whether to retry it at retry_at with record_sync_start(p_retry_of => '
'error_id), the number of that retry (attempt: retries granted so far), the lane (fast, slow, none: a slow one is '
'handed out by claim_due_retries() at retry_at) and the reason: retry, parked, budget, circuit_open, needs_reauth, '
'permanent, too_old. Said again it answers with where the error is now and counts once. Errors: SW001, SW101, SW102 '
'the lease is an old one, SW103 the run has ended otherwise, 22004, 22023, 22001.';
revoke all on function
syncwell.record_sync_error(uuid, uuid, text, text, integer, jsonb, text, bigint) from public;
grant execute on function
syncwell.record_sync_error(uuid, uuid, text, text, integer, jsonb, text, bigint) to syncwell_worker;
