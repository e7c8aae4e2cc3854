create or replace function syncwell._expire_alerts_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  with bound as materialized (
    select o.org_id, syncwell._now() - syncwell._setting(o.org_id, 'alerts.retention')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select a.org_id, a.id
    from bound as b
    join syncwell.alert_outbox as a on a.org_id = b.org_id and a.created_at < b.before
    join syncwell.sync_issues as i on i.org_id = a.org_id and i.id = a.issue_id and i.resolved_at < b.before
    limit 50000
    for update of a skip locked
  )
  delete from syncwell.alert_outbox as a
  using old as o
  where a.org_id = o.org_id and a.id = o.id;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell._expire_alerts_task() is
'Maintenance duty: deletes alerts older than setting alerts.retention whose issue has been resolved for as long, at '
'most 50000 a call; how many.';
revoke all on function syncwell._expire_alerts_task() from public;
