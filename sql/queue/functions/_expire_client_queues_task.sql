create or replace function syncwell._expire_client_queues_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_queues bigint;
  v_buckets bigint;
begin
  with settings as materialized (
    select o.org_id, syncwell._setting(o.org_id, 'queue.report_retention')::interval as retention
    from syncwell.orgs as o
  )
  delete from syncwell.client_queues as c
  using settings as s
  where c.org_id = s.org_id and c.received_at < v_now - s.retention;
  get diagnostics v_queues = row_count;
  -- by then all but the slowest buckets are full, as one that is not there is
  delete from syncwell.rate_limits as r where r.filled_at < v_now - interval '30 days';
  get diagnostics v_buckets = row_count;
  return v_queues + v_buckets;
end
$$;
comment on function syncwell._expire_client_queues_task() is
'Maintenance duty expire_client_queues: deletes reports of devices'' queues past setting queue.report_retention, and '
'token buckets nobody asked for 30 days. Returns how many rows.';
revoke all on function syncwell._expire_client_queues_task() from public;
