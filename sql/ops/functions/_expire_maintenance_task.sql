create or replace function syncwell._expire_maintenance_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_deleted bigint;
begin
  delete from syncwell.maintenance_runs as r
  where r.id < syncwell._uuid7_floor(
    syncwell._now() - syncwell._setting(null, 'ops.maintenance_retention')::interval
  );
  get diagnostics v_deleted = row_count;
  -- duties that are no more
  delete from syncwell.maintenance_duties as s where s.duty not in (select d.duty from syncwell._duties() as d);
  return v_deleted;
end
$$;
comment on function syncwell._expire_maintenance_task() is
'Duty of maintenance: deletes what is older than setting ops.maintenance_retention; how many rows.';
revoke all on function syncwell._expire_maintenance_task() from public;
