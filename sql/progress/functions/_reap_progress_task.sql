create or replace function syncwell._reap_progress_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select count(*) from syncwell._reap_sync_progress(null, 10000));
end
$$;
comment on function syncwell._reap_progress_task() is
'Maintenance duty: ends syncs of all orgs that ran too long, at most 10000 a call; how many.';
revoke all on function syncwell._reap_progress_task() from public;
