create or replace function syncwell.cancel_sync(p_sync_id text)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._set_sync_status(
    (syncwell._caller()).org_id, p_sync_id, array['pending', 'in_progress', 'paused'], 'cancelled'
  );
end
$$;
comment on function syncwell.cancel_sync(text) is
'Ends the sync p_sync_id of the caller''s org as cancelled. It tells nobody to stop working: the next report of the '
'worker is refused with SW204. '
'Returns whether anything changed; false: it is cancelled already. Errors: 22004, SW001, SW201 unknown, SW204 ended '
'otherwise.';
revoke all on function syncwell.cancel_sync(text) from public;
grant execute on function syncwell.cancel_sync(text) to syncwell_worker;
