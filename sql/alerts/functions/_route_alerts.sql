create or replace function syncwell._route_alerts(
  p_org_id uuid,
  p_channel text,
  p_now timestamptz
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_new constant boolean := not exists (
    select from syncwell.alert_channels as c where c.org_id = p_org_id and c.channel = p_channel
  );
  v_routed bigint;
  v_others bigint;
begin
  if not v_is_new and not exists (
    select from syncwell.alert_outbox as a where a.org_id = p_org_id and not a.is_routed
  ) then
    return;
  end if;
  -- asked first: an insert would wait for whoever is at it
  if not exists (select from syncwell.alert_routes as r where r.org_id = p_org_id) then
    insert into syncwell.alert_routes (org_id, changed_at) values (p_org_id, p_now) on conflict (org_id) do nothing;
  end if;
  if v_is_new then
    perform from syncwell.alert_routes as r where r.org_id = p_org_id for no key update;
  else
    -- whoever is at it rings when it is done
    perform from syncwell.alert_routes as r where r.org_id = p_org_id for no key update skip locked;
    if not found then
      return;
    end if;
  end if;

  -- in the order of ids: those of one issue were committed in it
  with fresh as materialized (
    select a.org_id, a.id, a.fingerprint, a.status, a.labels
    from syncwell.alert_outbox as a
    where a.org_id = p_org_id and not a.is_routed
    order by a.id
    limit 10000
    for no key update
  ),
  routed as (
    update syncwell.alert_outbox as a
    set is_routed = true
    from fresh as f
    where a.org_id = p_org_id and a.id = f.id
    returning a.id
  ),
  sent as (
    insert into syncwell.alert_deliveries (
      org_id, alert_id, channel, fingerprint, status, next_attempt_at, created_at
    )
    select f.org_id, f.id, c.channel, f.fingerprint, f.status, p_now, p_now
    from fresh as f
    -- a channel is not told of itself
    join syncwell.alert_channels as c on c.org_id = f.org_id and c.channel is distinct from f.labels ->> 'channel'
    on conflict (org_id, alert_id, channel) do nothing
    returning channel
  )
  select (select count(*) from routed as r), (select count(*) from sent as s where s.channel <> p_channel)
  into v_routed, v_others;

  if v_is_new then
    insert into syncwell.alert_channels (org_id, channel, opened_at, seen_at)
    values (p_org_id, p_channel, p_now, p_now)
    on conflict (org_id, channel) do nothing;
    insert into syncwell.alert_deliveries (org_id, alert_id, channel, fingerprint, status, next_attempt_at, created_at)
    select a.org_id, a.id, p_channel, a.fingerprint, a.status, p_now, p_now
    from (
      select distinct on (o.fingerprint) o.org_id, o.id, o.fingerprint, o.status, o.labels
      from syncwell.alert_outbox as o
      where o.org_id = p_org_id
      order by o.fingerprint, o.id desc
    ) as a
    where a.status = 'firing' and p_channel is distinct from a.labels ->> 'channel'
    on conflict (org_id, alert_id, channel) do nothing;
  end if;

  update syncwell.alert_routes as r
  set routed = r.routed + v_routed, changed_at = p_now
  where r.org_id = p_org_id and (v_is_new or v_routed > 0);
  if v_others > 0 then
    perform pg_notify('syncwell_alerts', '');
  end if;
end
$$;
comment on function syncwell._route_alerts(uuid, text, timestamptz) is
'Hands new alerts of an org on to its channels, in transactions of whoever asks for alerts of p_channel; a channel '
'that is new is told of what fires now. None is missed: alerts are marked, not counted up to, and channels are added '
'and alerts handed on by one transaction at a time (above read committed: 40001 when another came first).';
revoke all on function syncwell._route_alerts(uuid, text, timestamptz) from public;
