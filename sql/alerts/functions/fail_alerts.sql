create or replace function syncwell.fail_alerts(
  p_alert_ids uuid[],
  p_lease_token uuid,
  p_message text default null,
  p_code text default null,
  p_http_status integer default null,
  p_retry_after text default null,
  p_retryable boolean default null
)
returns table (
  alert_id uuid,
  state text,
  retry_at timestamptz,
  attempt integer,
  error_type text,
  class text,
  reason text
)
language plpgsql volatile security definer rows 50
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := syncwell._deliverer_org();
  v_now constant timestamptz := syncwell._now();
  v_error record;
  v_retry_after constant interval := syncwell._parse_retry_after(p_retry_after);
  v_message constant text := left(syncwell._scrub_secrets(p_message), 1000);
  v_delivery syncwell.alert_deliveries;
  v_settings jsonb;
  v_of uuid;
begin
  perform syncwell._check_alert_ids(p_alert_ids, p_lease_token);
  perform syncwell._check_error(coalesce(p_message, ''), p_code, p_http_status, null);
  v_error := syncwell.classify_sync_error(p_code, p_http_status, p_message);
  error_type := v_error.error_type;
  class := v_error.class;

  for v_delivery in
    select h.* from syncwell._leased_alerts(v_org_id, p_alert_ids, p_lease_token) as h
  loop
    if v_of is distinct from v_delivery.org_id then
      v_of := v_delivery.org_id;
      v_settings := syncwell._settings(v_of);
    end if;
    alert_id := v_delivery.alert_id;
    attempt := v_delivery.attempts;
    -- the rules of _fail_run()
    reason := case
      when not coalesce(p_retryable, v_error.retryable) then 'permanent'
      when class = 'conflict' and v_delivery.failures >= 1 then 'permanent'
      when v_now >= v_delivery.created_at + (v_settings ->> 'retry.max_age')::interval then 'too_old'
      when v_delivery.failures >= (v_settings ->> 'retry.max_retries')::integer then 'parked'
      else 'retry'
    end;
    retry_at := case reason
      when 'retry' then v_now + syncwell._retry_delay(
        v_delivery.failures + 1, v_retry_after, null, v_settings
      )
      when 'parked' then v_now + greatest(
        (v_settings ->> 'retry.slow_interval')::interval,
        least(coalesce(v_retry_after, interval '0'), (v_settings ->> 'retry.after_cap')::interval)
      )
    end;
    state := case when retry_at is null then 'dead' else 'pending' end;
    update syncwell.alert_deliveries as d
    set
      state = fail_alerts.state,
      failures = d.failures + 1,
      next_attempt_at = coalesce(retry_at, d.next_attempt_at),
      lease_token = null,
      ended_at = case when retry_at is null then v_now end,
      last_failed_at = v_now,
      last_error_type = fail_alerts.error_type,
      last_error = v_message,
      reason = fail_alerts.reason
    where d.org_id = v_delivery.org_id and d.alert_id = v_delivery.alert_id and d.channel = v_delivery.channel;
    update syncwell.alert_channels as c
    set failed_at = v_now, last_error_type = fail_alerts.error_type, last_error = v_message
    where c.org_id = v_delivery.org_id and c.channel = v_delivery.channel;
    if reason <> 'retry' then
      perform syncwell._channel_is_dead(v_delivery.org_id, v_delivery.channel, 'failing', v_now);
    end if;
    return next;
  end loop;
end
$$;
comment on function syncwell.fail_alerts(uuid[], uuid, text, text, integer, text, boolean) is
'Ends an attempt at alerts of claim_alerts() as failed, those of p_alert_ids (at most 1000) that p_lease_token still '
'holds; there is a row for each of these. p_message, p_code, p_http_status: what went wrong, as classify_sync_error() '
'reads it, stored without secrets; p_retry_after: as the other side sent it, seconds or an HTTP date; p_retryable: '
'whether trying again helps, where the channel knows (NULL: as classified). state pending: tried again at retry_at, by '
'reason retry as retry_delay() says, then parked every retry.slow_interval; dead: permanent, or too_old '
'(retry.max_age). From parked on, and with whatever died, the channel is dead: an issue alert_channel tells of it on '
'the others. Errors: SW001, 22001, 22004, 22023, 42501 for users who are no admin.';
revoke all on function syncwell.fail_alerts(uuid[], uuid, text, text, integer, text, boolean) from public;
grant execute on function syncwell.fail_alerts(uuid[], uuid, text, text, integer, text, boolean)
to syncwell_worker, syncwell_operator;
