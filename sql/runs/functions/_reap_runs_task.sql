create or replace function syncwell._reap_runs_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select count(*) from syncwell._reap_runs(null, null, 1000));
end
$$;
comment on function syncwell._reap_runs_task() is
'Maintenance: reap_sync_runs() for all orgs, 1000 runs a time. Returns how many.';
revoke all on function syncwell._reap_runs_task() from public;
