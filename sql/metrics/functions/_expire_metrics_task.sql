create or replace function syncwell._expire_metrics_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_expired bigint;
begin
  delete from syncwell.sync_metrics as m
  using syncwell.orgs as o
  where o.org_id = m.org_id
    and m.period = 'hour'
    and m.period_start < v_now - syncwell._setting(o.org_id, 'metrics.retention')::interval;
  get diagnostics v_expired = row_count;
  return v_expired;
end
$$;
comment on function syncwell._expire_metrics_task() is
'Duty of maintenance: drops metrics by hour past setting metrics.retention. Returns how many.';
revoke all on function syncwell._expire_metrics_task() from public;
