create or replace function syncwell.invalidate_client(
  p_user_id uuid default null,
  p_device_id text default null
)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := syncwell._claim_org();
  v_user_id uuid := syncwell._claim_user();
  v_devices integer;
begin
  if p_user_id is not null and p_user_id is distinct from v_user_id then
    perform from syncwell.users as u
    where u.user_id = p_user_id and v_user_id is null and (v_org_id is null or u.org_id = v_org_id);
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s whose devices this caller may invalidate.', p_user_id),
        hint = 'Users are registered with syncwell.register_user(); admins and services act for others of their org.';
    end if;
    v_user_id := p_user_id;
  end if;

  -- a cursor whose snapshot can't see this transaction is not known any more, also one that is handed out right now
  with locked as materialized (
    select d.org_id, d.user_id, d.device_id
    from syncwell.sync_devices as d
    where (v_org_id is null or d.org_id = v_org_id)
      and (v_user_id is null or d.user_id = v_user_id)
      and (p_device_id is null or d.device_id = p_device_id)
    order by d.org_id, d.user_id, d.device_id
    for update
  )
  update syncwell.sync_devices as d
  set may_shrink = true, invalidated_xid = pg_current_xact_id()
  from locked as l
  where d.org_id = l.org_id and d.user_id = l.user_id and d.device_id = l.device_id;
  get diagnostics v_devices = row_count;
  if v_devices = 0 and p_device_id is not null then
    raise exception using
      errcode = 'SW310',
      message = 'unknown device',
      detail = format('No device %L of the users whose devices this caller may invalidate.', left(p_device_id, 100)),
      hint = 'get_sync_clients() lists the devices; leave p_device_id out for all of the user''s.';
  end if;
  return v_devices;
end
$$;
comment on function syncwell.invalidate_client(uuid, text) is
'Has devices replace everything at their next pull: after their access changed in a way that no synced table shows, or '
'after a pull was refused because it would delete too much (SW307). p_user_id: whose devices, NULL = of everybody for '
'whom the caller acts (a member or analyst: itself; admins and services: their org; an operator: all orgs); '
'p_device_id: this one only, '''' for those without a name; NULL = all. Returns how many. A push that a device makes '
'before that pull is refused (40001): it pulls first and keeps what it changed. Errors: SW001, SW002, SW310.';
revoke all on function syncwell.invalidate_client(uuid, text) from public;
grant execute on function syncwell.invalidate_client(uuid, text) to syncwell_client, syncwell_worker, syncwell_operator;
