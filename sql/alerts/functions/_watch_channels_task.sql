create or replace function syncwell._watch_channels_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_dead bigint;
  v_forgotten bigint;
begin
  -- in order, as whoever ends alerts locks them
  select count(syncwell._channel_is_dead(o.org_id, o.channel, 'overdue', v_now)) into v_dead
  from (
    select c.org_id, c.channel
    from syncwell.alert_channels as c
    where c.dead_since is null
      and exists (
        select from syncwell.alert_deliveries as d
        where d.org_id = c.org_id
          and d.channel = c.channel
          and d.state = 'pending'
          and d.next_attempt_at < v_now - syncwell._setting(c.org_id, 'alerts.channel_timeout')::interval
      )
    order by c.org_id, c.channel
  ) as o;

  select count(syncwell._forget_channel(o.org_id, o.channel, v_now)) into v_forgotten
  from (
    select c.org_id, c.channel
    from syncwell.alert_channels as c
    where c.seen_at < v_now - syncwell._setting(c.org_id, 'alerts.channel_retention')::interval
    order by c.org_id, c.channel
  ) as o;
  return v_dead + v_forgotten;
end
$$;
comment on function syncwell._watch_channels_task() is
'Maintenance duty: opens an issue alert_channel for each channel with an alert that has been due for '
'alerts.channel_timeout, and forgets channels that nobody asked about for alerts.channel_retention; how many.';
revoke all on function syncwell._watch_channels_task() from public;
