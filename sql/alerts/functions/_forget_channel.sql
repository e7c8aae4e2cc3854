create or replace function syncwell._forget_channel(
  p_org_id uuid,
  p_channel text,
  p_now timestamptz
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_issue_id uuid;
  v_waiting bigint;
begin
  -- nobody hands alerts on to it meanwhile
  perform from syncwell.alert_routes as r where r.org_id = p_org_id for no key update;
  select count(*) into v_waiting
  from syncwell.alert_deliveries as d
  where d.org_id = p_org_id and d.channel = p_channel and d.state = 'pending';
  delete from syncwell.alert_channels as c
  where c.org_id = p_org_id and c.channel = p_channel
  returning c.issue_id into v_issue_id;
  if not found then
    return null;
  end if;
  update syncwell.sync_issues as i
  set state = 'resolved', resolved_at = p_now, snoozed_until = null
  where i.org_id = p_org_id and i.id = v_issue_id and i.state <> 'resolved';
  return v_waiting;
end
$$;
comment on function syncwell._forget_channel(uuid, text, timestamptz) is
'Deletes a channel with its deliveries and resolves its issue. Returns how many waited; NULL: there is no such '
'channel.';
revoke all on function syncwell._forget_channel(uuid, text, timestamptz) from public;
