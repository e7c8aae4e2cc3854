create or replace function syncwell._channel_works(
  p_org_id uuid,
  p_channel text,
  p_now timestamptz
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dead_since timestamptz;
  v_issue_id uuid;
begin
  select c.dead_since, c.issue_id into v_dead_since, v_issue_id
  from syncwell.alert_channels as c
  where c.org_id = p_org_id and c.channel = p_channel
  for no key update;
  update syncwell.alert_channels as c
  set delivered_at = p_now, dead_since = null, dead_reason = null
  where c.org_id = p_org_id and c.channel = p_channel;
  if v_dead_since is null then
    return;
  end if;
  update syncwell.sync_issues as i
  set state = 'resolved', resolved_at = p_now, snoozed_until = null
  where i.org_id = p_org_id and i.id = v_issue_id and i.state <> 'resolved';
  -- what waited for better times
  update syncwell.alert_deliveries as d
  set next_attempt_at = p_now
  where d.org_id = p_org_id
    and d.channel = p_channel
    and d.state = 'pending'
    and d.lease_token is null
    and d.next_attempt_at > p_now;
end
$$;
comment on function syncwell._channel_works(uuid, text, timestamptz) is
'An alert went out by a channel: where it was dead, its issue is resolved and what waits for it is due.';
revoke all on function syncwell._channel_works(uuid, text, timestamptz) from public;
