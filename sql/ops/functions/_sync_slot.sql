create or replace function syncwell._sync_slot(
  p_org_id uuid,
  p_user_id uuid,
  p_source text,
  p_device_id text
)
returns text
language sql immutable parallel safe security invoker
begin atomic
  -- what tells devices apart must not name them: their ids are kept with consent only
  select case
    when p_device_id is null then 'source:' || p_source
    else pg_catalog.md5(pg_catalog.concat_ws(' ', p_org_id, p_user_id, p_device_id))
  end;
end;
comment on function syncwell._sync_slot(uuid, uuid, text, text) is
'What a request of this device takes while it syncs; without a device, what all such requests for the source take.';
revoke all on function syncwell._sync_slot(uuid, uuid, text, text) from public;
