create or replace function syncwell._expire_sync_paces_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_requests bigint;
  v_slots bigint;
begin
  with settings as materialized (
    select o.org_id, syncwell._setting(o.org_id, 'ops.request_retention')::interval as retention
    from syncwell.orgs as o
  )
  delete from syncwell.sync_paces as r
  using settings as s
  where r.org_id = s.org_id and r.asked_at < v_now - s.retention;
  get diagnostics v_requests = row_count;
  with settings as materialized (
    select o.org_id, syncwell._setting(o.org_id, 'ops.request_retention')::interval as retention
    from syncwell.orgs as o
  )
  delete from syncwell.sync_slots as t
  using settings as s
  where t.org_id = s.org_id and t.asked_at < v_now - s.retention;
  get diagnostics v_slots = row_count;
  return v_requests + v_slots;
end
$$;
comment on function syncwell._expire_sync_paces_task() is
'Maintenance duty expire_sync_paces: deletes what is known of devices that have not asked to sync for setting '
'ops.request_retention. Returns how many rows.';
revoke all on function syncwell._expire_sync_paces_task() from public;
