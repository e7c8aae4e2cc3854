create or replace function syncwell._expire_sync_errors_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_rows bigint;
begin
  with bound as materialized (
    select k.org_id, k.source, v_now - syncwell._setting(k.org_id, 'runs.retention', k.source)::interval as before
    from (select distinct s.org_id, s.source from syncwell.streams as s) as k
  )
  delete from syncwell.sync_errors as e
  using bound as b
  where e.org_id = b.org_id and e.source = b.source and e.resolved_at < b.before;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell._expire_sync_errors_task() is
'Maintenance: deletes errors resolved longer ago than setting runs.retention of their org and source. Returns '
'how many.';
revoke all on function syncwell._expire_sync_errors_task() from public;
