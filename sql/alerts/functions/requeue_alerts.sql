create or replace function syncwell.requeue_alerts(p_channel text)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := syncwell._deliverer_org();
  v_now constant timestamptz := syncwell._now();
  v_rows bigint;
  v_more bigint;
begin
  perform syncwell._check_channel(p_channel);
  -- what ends such an alert is not handed on meanwhile
  perform from syncwell.alert_routes as r where v_org_id is null or r.org_id = v_org_id
  order by r.org_id
  for no key update;
  perform from syncwell.alert_channels as c
  where (v_org_id is null or c.org_id = v_org_id) and c.channel = p_channel
  order by c.org_id
  for no key update;
  if not found then
    raise exception using
      errcode = 'SW611',
      message = 'unknown channel',
      detail = format('There is no channel %s.', p_channel),
      hint = 'get_alert_channels() lists those that somebody delivers by.';
  end if;
  update syncwell.alert_deliveries as d
  set state = 'pending', failures = 0, reason = null, ended_at = null, next_attempt_at = v_now, created_at = v_now
  where (v_org_id is null or d.org_id = v_org_id)
    and d.channel = p_channel
    and d.state = 'dead'
    -- what is over, or was told otherwise since, comes too late
    and not exists (
      select from syncwell.alert_deliveries as e
      where e.org_id = d.org_id
        and e.channel = d.channel
        and e.fingerprint = d.fingerprint
        and e.alert_id > d.alert_id
    );
  get diagnostics v_rows = row_count;
  update syncwell.alert_deliveries as d
  set next_attempt_at = v_now
  where (v_org_id is null or d.org_id = v_org_id)
    and d.channel = p_channel
    and d.state = 'pending'
    and d.lease_token is null
    and d.next_attempt_at > v_now;
  get diagnostics v_more = row_count;
  if v_rows + v_more > 0 then
    perform pg_notify('syncwell_alerts', '');
  end if;
  return v_rows + v_more;
end
$$;
comment on function syncwell.requeue_alerts(text) is
'Lets alerts of a channel be tried again at once, with all their retries: those that wait for a retry, and those that '
'died and are the last of their fingerprint; what is over or was told otherwise since is not. p_channel: its name. Of '
'the caller''s org, of all orgs for an operator. Returns how many. Errors: SW001, 22004, 22023, 42501 for users who '
'are no admin, SW611.';
revoke all on function syncwell.requeue_alerts(text) from public;
grant execute on function syncwell.requeue_alerts(text) to syncwell_worker, syncwell_operator;
