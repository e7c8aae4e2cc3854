create or replace function syncwell._locked_run(p_event_id uuid)
returns syncwell.sync_events
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- planning for all partitions costs more than the statement; its one partition is found when it runs
set plan_cache_mode = force_generic_plan
as $$
declare
  v_caller record := syncwell._caller();
  v_event syncwell.sync_events;
begin
  if p_event_id is null then
    raise exception using
      errcode = '22004',
      message = 'the id of a run is needed',
      detail = 'p_event_id is NULL.',
      hint = 'record_sync_start() returns it.';
  end if;
  select e.* into v_event
  from syncwell.sync_events as e
  where e.org_id = v_caller.org_id
    and e.id = p_event_id
    -- to change it takes more than to see it: whoever may record for that stream, see _target_user()
    and (v_caller.role in ('admin', 'service') or e.user_id = v_caller.user_id)
  for update;
  if not found then
    raise exception using
      errcode = 'SW101',
      message = 'unknown run',
      detail = format('There is no run %s here.', p_event_id),
      hint = 'record_sync_start() returns the id; runs past setting runs.retention are gone.';
  end if;
  return v_event;
end
$$;
comment on function syncwell._locked_run(uuid) is
'The run, locked until the end of the transaction, if it is the caller''s or, for admins and services, '
'any of the org. Errors: SW001, SW101, 22004.';
revoke all on function syncwell._locked_run(uuid) from public;
