create or replace function syncwell._keep_channel_issue()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from syncwell.alert_channels as c
  where c.org_id = new.org_id and c.issue_id = new.id and c.dead_since is not null;
  if not found then
    return new;
  end if;
  if new.state = 'resolved' then
    new.state := old.state;
    new.snoozed_until := old.snoozed_until;
  end if;
  new.resolved_at := null;
  new.gone_since := null;
  new.last_seen_at := old.last_seen_at;
  -- nothing else was to be written
  return case when new is distinct from old then new end;
end
$$;
comment on function syncwell._keep_channel_issue() is
'Trigger: somebody finds the issue of a channel gone. While the channel is dead it stays. Definer, because whoever '
'changes an issue may not read channels.';
revoke all on function syncwell._keep_channel_issue() from public;
