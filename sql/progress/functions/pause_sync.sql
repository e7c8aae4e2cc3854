create or replace function syncwell.pause_sync(p_sync_id text)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._set_sync_status(
    (syncwell._caller()).org_id, p_sync_id, array['pending', 'in_progress'], 'paused'
  );
end
$$;
comment on function syncwell.pause_sync(text) is
'Pauses the sync p_sync_id of the caller''s org: its time stands still until resume_sync(). Counts may still be '
'reported. '
'Returns whether anything changed; false: it is paused already. Errors: 22004, SW001, SW201 unknown, SW204 ended.';
revoke all on function syncwell.pause_sync(text) from public;
grant execute on function syncwell.pause_sync(text) to syncwell_worker;
