create or replace function syncwell._announce_sync_progress(
  p_org_id uuid,
  p_id uuid,
  p_source text
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if syncwell._setting(p_org_id, 'progress.notify', p_source)::boolean then
    -- any role can listen: ids and nothing else
    perform pg_notify('syncwell_progress', json_build_object('org_id', p_org_id, 'id', p_id)::text);
  end if;
end
$$;
comment on function syncwell._announce_sync_progress(uuid, uuid, text) is
'Tells channel syncwell_progress that a sync began, changed its status or ended, unless setting progress.notify is '
'off: '
'{"org_id": …, "id": …}.';
revoke all on function syncwell._announce_sync_progress(uuid, uuid, text) from public;
