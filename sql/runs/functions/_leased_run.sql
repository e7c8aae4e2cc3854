create or replace function syncwell._leased_run(
  p_event_id uuid,
  p_lease uuid
)
returns syncwell.sync_events
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events := syncwell._locked_run(p_event_id);
begin
  if p_lease is null then
    raise exception using
      errcode = '22004',
      message = 'the lease of the run is needed',
      detail = 'p_lease is NULL.',
      hint = 'record_sync_start() returns it.';
  end if;
  if v_event.lease <> p_lease then
    raise exception using
      errcode = 'SW102',
      message = 'the run is not yours any more',
      detail = format('The lease is not that of run %s; the run is %s.', v_event.id, v_event.status),
      hint = 'A run that is silent or takes too long is ended as timeout and its lease changed; start a new one.';
  end if;
  return v_event;
end
$$;
comment on function syncwell._leased_run(uuid, uuid) is
'_locked_run() for a worker, who proves by the lease that the run is its own. Errors: SW001, SW101, SW102, 22004.';
revoke all on function syncwell._leased_run(uuid, uuid) from public;
