create or replace function syncwell._announce_health(p_org_id uuid)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if syncwell._setting(p_org_id, 'health.notify')::boolean then
    -- any role can listen: ids and nothing else; equal ones of a transaction are sent once
    perform pg_notify('syncwell_health', json_build_object('org_id', p_org_id)::text);
  end if;
end
$$;
comment on function syncwell._announce_health(uuid) is
'Tells channel syncwell_health that the state of a stream or an issue of the org changed, unless setting health.notify '
'is off: {"org_id": …}.';
revoke all on function syncwell._announce_health(uuid) from public;
