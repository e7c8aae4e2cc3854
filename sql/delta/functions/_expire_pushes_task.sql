create or replace function syncwell._expire_pushes_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_rows bigint;
  v_sum bigint := 0;
begin
  with bound as materialized (
    select o.org_id, v_now - syncwell._setting(o.org_id, 'delta.request_retention')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select r.org_id, r.user_id, r.request_id
    from bound as b
    inner join syncwell.sync_requests as r on r.org_id = b.org_id and r.created_at < b.before
    limit 50000
    for update of r skip locked
  )
  delete from syncwell.sync_requests as r
  using old as o
  where r.org_id = o.org_id and r.user_id = o.user_id and r.request_id = o.request_id;
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  with bound as materialized (
    select o.org_id, v_now - syncwell._setting(o.org_id, 'delta.conflict_retention')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select c.org_id, c.id
    from bound as b
    inner join syncwell.sync_conflicts as c on c.org_id = b.org_id and c.occurred_at < b.before
    limit 50000
    for update of c skip locked
  )
  delete from syncwell.sync_conflicts as c
  using old as o
  where c.org_id = o.org_id and c.id = o.id;
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  with bound as materialized (
    select o.org_id, v_now - syncwell._setting(o.org_id, 'delta.conflict_retention')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select q.org_id, q.id
    from bound as b
    inner join syncwell.sync_quarantine as q on q.org_id = b.org_id and q.quarantined_at < b.before
    limit 50000
    for update of q skip locked
  )
  delete from syncwell.sync_quarantine as q
  using old as o
  where q.org_id = o.org_id and q.id = o.id;
  get diagnostics v_rows = row_count;
  return v_sum + v_rows;
end
$$;
comment on function syncwell._expire_pushes_task() is
'Maintenance duty: deletes answers to request ids older than setting delta.request_retention, and conflicts and '
'quarantined records older than delta.conflict_retention, of their org, at most 50000 of each a call; how many.';
revoke all on function syncwell._expire_pushes_task() from public;
