create or replace function syncwell._take_run_key(
  p_org_id uuid,
  p_stream_id uuid,
  p_run_key text,
  p_event_id uuid,
  p_user_id uuid,
  p_now timestamptz
)
returns syncwell.sync_events
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events;
begin
  -- waits for a start with the same key that has not committed yet
  insert into syncwell.sync_run_keys (org_id, stream_id, run_key, event_id, user_id, created_at)
  values (p_org_id, p_stream_id, p_run_key, p_event_id, p_user_id, p_now)
  on conflict (org_id, stream_id, run_key) do nothing;
  if found then
    return null;
  end if;
  select e.* into v_event
  from syncwell.sync_run_keys as k
  inner join syncwell.sync_events as e on e.org_id = k.org_id and e.id = k.event_id
  where k.org_id = p_org_id and k.stream_id = p_stream_id and k.run_key = p_run_key;
  if found then
    return v_event;
  end if;
  -- the run has left with its partition before the key did: the key is free
  delete from syncwell.sync_run_keys as k
  where k.org_id = p_org_id and k.stream_id = p_stream_id and k.run_key = p_run_key
    and not exists (select from syncwell.sync_events as e where e.org_id = k.org_id and e.id = k.event_id);
  return syncwell._take_run_key(p_org_id, p_stream_id, p_run_key, p_event_id, p_user_id, p_now);
end
$$;
comment on function syncwell._take_run_key(uuid, uuid, text, uuid, uuid, timestamptz) is
'Lets the run key stand for the run p_event_id (NULL returned), or returns the run it stands for already.';
revoke all on function syncwell._take_run_key(uuid, uuid, text, uuid, uuid, timestamptz) from public;
