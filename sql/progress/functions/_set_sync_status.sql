create or replace function syncwell._set_sync_status(
  p_org_id uuid,
  p_sync_id text,
  p_from text[],
  p_to text
)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status text;
  v_completed_at timestamptz;
begin
  if p_sync_id is null then
    raise exception using
      errcode = '22004',
      message = 'a sync_id is needed',
      detail = 'p_sync_id is NULL.',
      hint = 'select sync_id, status from syncwell.sync_progress lists the syncs of your org.';
  end if;
  select p.status, p.completed_at into v_status, v_completed_at
  from syncwell.sync_progress as p
  where p.org_id = p_org_id and p.sync_id = p_sync_id
  for no key update;
  if not found then
    raise exception using
      errcode = 'SW201',
      message = 'no such sync',
      detail = 'There is no progress of this sync_id in your org.',
      hint = 'select sync_id, status from syncwell.sync_progress lists the syncs of your org.';
  end if;
  if v_status = any(p_from) then
    update syncwell.sync_progress as p set status = p_to where p.org_id = p_org_id and p.sync_id = p_sync_id;
    return true;
  end if;
  if v_completed_at is not null and v_status <> p_to then
    raise exception using
      errcode = 'SW204',
      message = 'the sync has ended',
      detail = format('It ended as %s at %s.', v_status, v_completed_at),
      hint = 'Report it with status pending to start it over, or use a new sync_id.';
  end if;
  return false;
end
$$;
comment on function syncwell._set_sync_status(uuid, text, text[], text) is
'Moves a sync from one of the statuses p_from to p_to; false where it is as wanted. Errors: 22004, SW201, SW204.';
revoke all on function syncwell._set_sync_status(uuid, text, text[], text) from public;
