create or replace function syncwell._expire_progress_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_deleted bigint;
begin
  with bound as materialized (
    select
      o.org_id,
      v_now - syncwell._setting(o.org_id, 'progress.keep_finished')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select p.org_id, p.id
    from bound as b
    inner join syncwell.sync_progress as p on p.org_id = b.org_id and p.completed_at < b.before
    limit 50000
    for update of p skip locked
  )
  delete from syncwell.sync_progress as p
  using old as o
  where p.org_id = o.org_id and p.id = o.id;
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
comment on function syncwell._expire_progress_task() is
'Maintenance duty: deletes syncs that ended longer ago than setting progress.keep_finished of their org, at most '
'50000 a call; how many.';
revoke all on function syncwell._expire_progress_task() from public;
