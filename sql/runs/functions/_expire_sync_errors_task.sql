create or replace function syncwell._expire_sync_errors_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  delete from syncwell.sync_errors as e
  where e.resolved_at < syncwell._now() - syncwell._setting(null, 'runs.retention')::interval;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell._expire_sync_errors_task() is
'Maintenance: deletes errors resolved longer ago than setting runs.retention (the value for all orgs). Returns how '
'many.';
revoke all on function syncwell._expire_sync_errors_task() from public;
