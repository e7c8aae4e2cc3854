create or replace function syncwell._expire_run_keys_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  delete from syncwell.sync_run_keys as k
  where k.created_at < syncwell._now() - syncwell._setting(null, 'runs.run_key_retention')::interval;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell._expire_run_keys_task() is
'Maintenance: deletes run keys older than setting runs.run_key_retention (the value for all orgs). Returns how many.';
revoke all on function syncwell._expire_run_keys_task() from public;
