create or replace function syncwell.release_alerts(
  p_alert_ids uuid[],
  p_lease_token uuid
)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := syncwell._deliverer_org();
  v_now constant timestamptz := syncwell._now();
  v_rows bigint;
begin
  perform syncwell._check_alert_ids(p_alert_ids, p_lease_token);
  update syncwell.alert_deliveries as d
  set next_attempt_at = least(d.next_attempt_at, v_now), lease_token = null, attempts = d.attempts - 1
  from syncwell._leased_alerts(v_org_id, p_alert_ids, p_lease_token) as h
  where d.org_id = h.org_id and d.alert_id = h.alert_id and d.channel = h.channel;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell.release_alerts(uuid[], uuid) is
'Gives back alerts of claim_alerts() that were not begun, those of p_alert_ids (at most 1000) that p_lease_token still '
'holds: they may be claimed again at once, and this attempt does not count. Returns how many. Errors: SW001, 22004, '
'22023, 42501 for users who are no admin.';
revoke all on function syncwell.release_alerts(uuid[], uuid) from public;
grant execute on function syncwell.release_alerts(uuid[], uuid) to syncwell_worker, syncwell_operator;
