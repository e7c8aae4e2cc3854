create or replace function syncwell._leased_alerts(
  p_org_id uuid,
  p_alert_ids uuid[],
  p_lease_token uuid
)
returns setof syncwell.alert_deliveries
language plpgsql volatile security invoker rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
  -- channels first, in order: whoever ends alerts of the same ones waits here, and never in a circle
  perform from syncwell.alert_channels as c
  where (c.org_id, c.channel) in (
    select d.org_id, d.channel
    from syncwell.alert_deliveries as d
    where d.lease_token = p_lease_token and (p_org_id is null or d.org_id = p_org_id)
  )
  order by c.org_id, c.channel
  for no key update;
  return query
  select d.*
  from syncwell.alert_deliveries as d
  where d.lease_token = p_lease_token
    and d.alert_id = any(p_alert_ids)
    and (p_org_id is null or d.org_id = p_org_id)
    and d.state = 'pending'
  order by d.org_id, d.alert_id
  for update;
end
$$;
comment on function syncwell._leased_alerts(uuid, uuid[], uuid) is
'Those of the alerts that the lease holds, locked, and their channels. p_org_id NULL: of any org.';
revoke all on function syncwell._leased_alerts(uuid, uuid[], uuid) from public;
