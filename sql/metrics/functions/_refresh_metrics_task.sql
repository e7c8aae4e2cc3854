create or replace function syncwell._refresh_metrics_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now bigint;
  v_all bigint := 0;
begin
  loop
    v_now := syncwell.refresh_sync_metrics();
    v_all := v_all + v_now;
    exit when v_now < 10000;
  end loop;
  return v_all;
end
$$;
comment on function syncwell._refresh_metrics_task() is
'Duty of maintenance: counts every marked hour. Returns how many.';
revoke all on function syncwell._refresh_metrics_task() from public;
