create or replace function syncwell.finish_sync(
  p_request_id uuid,
  p_succeeded boolean default true,
  p_user_id uuid default null
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_now constant timestamptz := syncwell._now();
  v_slot syncwell.sync_slots;
begin
  if p_request_id is null or p_succeeded is null then
    raise exception using
      errcode = '22004',
      message = 'a request and its outcome are needed',
      detail = 'p_request_id or p_succeeded is NULL.',
      hint = 'Pass what request_sync() returned, and whether the sync went well.';
  end if;
  update syncwell.sync_slots as s
  set request_id = null
  where s.org_id = v_org_id
    and (s.user_id = v_user_id or (v_user_id is null and s.user_id is null))
    and s.request_id = p_request_id
  returning s.* into v_slot;
  if not found then
    return false;
  end if;
  update syncwell.sync_paces as r
  set
    finished_at = v_now,
    failed_at = case when p_succeeded then r.failed_at else v_now end,
    failures = case when p_succeeded then 0 else r.failures + 1 end
  where r.org_id = v_org_id
    and (r.user_id = v_user_id or (v_user_id is null and r.user_id is null))
    and r.slot = v_slot.slot
    and r.source = v_slot.source;
  return true;
end
$$;
comment on function syncwell.finish_sync(uuid, boolean, uuid) is
'The sync that request_sync() allowed as p_request_id is over, so that the device may ask for the next one. '
'p_succeeded false: it failed, which counts for the back-off also where no run was recorded; p_user_id: as it was for '
'request_sync(). False: it was over before, or its time was up and another one has begun. Errors: SW001, SW002, 22004.';
revoke all on function syncwell.finish_sync(uuid, boolean, uuid) from public;
grant execute on function syncwell.finish_sync(uuid, boolean, uuid) to syncwell_client, syncwell_worker;
