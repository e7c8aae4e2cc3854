create or replace function syncwell.cancel_maintenance_window(p_window_id uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_handler record := syncwell._issue_handler();
  v_now constant timestamptz := syncwell._now();
  v_is_over boolean;
begin
  if p_window_id is null then
    raise exception using
      errcode = '22004',
      message = 'a maintenance window is needed',
      detail = 'p_window_id is NULL.',
      hint = 'syncwell.get_maintenance_windows() lists them.';
  end if;
  select w.cancelled_at is not null or (w.cron is null and w.ends_at <= v_now) into v_is_over
  from syncwell.maintenance_windows as w
  where w.org_id = v_handler.org_id and w.id = p_window_id
  for update;
  if not found then
    raise exception using
      errcode = 'SW603',
      message = 'unknown maintenance window',
      detail = format('There is no maintenance window %s in this org.', p_window_id),
      hint = 'syncwell.get_maintenance_windows() lists them.';
  end if;
  if v_is_over then
    return false;
  end if;
  update syncwell.maintenance_windows as w
  set cancelled_at = v_now
  where w.org_id = v_handler.org_id and w.id = p_window_id;
  return true;
end
$$;
comment on function syncwell.cancel_maintenance_window(uuid) is
'Calls off the maintenance window p_window_id, all occurrences to come, and the one that is on from now on. For '
'admins and services. False when it was called off or over already. Errors: SW001; SW603 no such window; 22004; 42501 '
'for others.';
revoke all on function syncwell.cancel_maintenance_window(uuid) from public;
grant execute on function syncwell.cancel_maintenance_window(uuid) to syncwell_client, syncwell_worker;
