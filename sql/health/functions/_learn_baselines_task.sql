create or replace function syncwell._learn_baselines_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
  v_learned bigint := 0;
begin
  -- an org at a time: what one has may be millions of rows
  for v_org_id in select o.org_id from syncwell.orgs as o order by o.org_id loop
    perform syncwell._learn_volumes(v_org_id);
    v_learned := v_learned + syncwell._learn_streams(v_org_id);
  end loop;
  return v_learned;
end
$$;
comment on function syncwell._learn_baselines_task() is
'Duty of maintenance: learn_health_baselines() for all orgs. Returns for how many streams it learned.';
revoke all on function syncwell._learn_baselines_task() from public;
