create or replace function syncwell.resume_sync(p_sync_id text)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._set_sync_status(
    (syncwell._caller()).org_id, p_sync_id, array['paused'], 'in_progress'
  );
end
$$;
comment on function syncwell.resume_sync(text) is
'Resumes the paused sync p_sync_id of the caller''s org; the pause does not count into elapsed, speed and eta. '
'Returns whether anything changed; false: it is not paused. Errors: 22004, SW001, SW201 unknown, SW204 ended.';
revoke all on function syncwell.resume_sync(text) from public;
grant execute on function syncwell.resume_sync(text) to syncwell_worker;
