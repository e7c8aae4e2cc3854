create or replace function syncwell.cancel_sync_run(p_event_id uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events := syncwell._locked_run(p_event_id);
begin
  if v_event.status = 'cancelled' then
    return false;
  end if;
  if v_event.status <> 'started' then
    perform syncwell._refuse_finished_run(v_event);
  end if;
  v_event.status := 'cancelled';
  perform syncwell._finish_run(v_event, syncwell._now(), 0, 0);
  return true;
end
$$;
comment on function syncwell.cancel_sync_run(uuid) is
'Calls the run p_event_id off; no lease is needed. It counts as neither success nor failure, and its worker learns of '
'it by SW103 at its next heartbeat or at the end. An error that it retried stays open; schedule_sync_retry() puts it '
'back. False when the run was cancelled already. Errors: SW001, SW101, SW103 it ended otherwise, 22004.';
revoke all on function syncwell.cancel_sync_run(uuid) from public;
grant execute on function syncwell.cancel_sync_run(uuid) to syncwell_worker;
