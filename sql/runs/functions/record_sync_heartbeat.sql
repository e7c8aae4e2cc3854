create or replace function syncwell.record_sync_heartbeat(
  p_event_id uuid,
  p_lease uuid,
  p_items_processed bigint default null
)
returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events := syncwell._leased_run(p_event_id, p_lease);
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._check_count('p_items_processed', p_items_processed);
  if v_event.status <> 'started' then
    perform syncwell._refuse_finished_run(v_event);
  end if;
  update syncwell.sync_events as e
  set heartbeat_at = v_now, items_processed = coalesce(p_items_processed, e.items_processed)
  where e.org_id = v_event.org_id and e.id = v_event.id;
  return v_now + syncwell._setting(
    v_event.org_id, 'runs.heartbeat_timeout', v_event.source, v_event.platform
  )::interval;
end
$$;
comment on function syncwell.record_sync_heartbeat(uuid, uuid, bigint) is
'A sign of life of the run p_event_id, held by p_lease, with the items handled so far, p_items_processed (NULL: as '
'before). From the first one on the run must send another before the time returned (now + setting '
'runs.heartbeat_timeout), or the reaper ends it as timeout. Errors: SW001, SW101, SW102 the lease is an old one, '
'SW103 the run has ended (also: was cancelled), 22004, 22023.';
revoke all on function syncwell.record_sync_heartbeat(uuid, uuid, bigint) from public;
grant execute on function syncwell.record_sync_heartbeat(uuid, uuid, bigint) to syncwell_worker;
