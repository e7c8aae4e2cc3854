create or replace function syncwell._is_running(
  p_org_id uuid,
  p_user_id uuid,
  p_stream_id uuid,
  p_device_id text
)
returns boolean
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_device_id constant text := syncwell._redact(p_org_id, p_user_id, p_device_id);
begin
  return exists (
    select
    from syncwell.sync_events as e
    where e.org_id = p_org_id
      and e.stream_id = p_stream_id
      and e.status = 'started'
      and (e.device_id = v_device_id or (p_device_id is null and e.device_id is null))
  );
end
$$;
comment on function syncwell._is_running(uuid, uuid, uuid, text) is
'Whether a run of the stream is under way on this device, as far as devices are stored; without one: on none.';
revoke all on function syncwell._is_running(uuid, uuid, uuid, text) from public;
