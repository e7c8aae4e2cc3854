create or replace function syncwell._expire_client_queues_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_queues bigint;
  v_buckets bigint;
  v_lanes bigint;
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
  -- what waited for operations that were deleted from outside
  delete from syncwell.queue_dependencies as d
  where not exists (select from syncwell.sync_queue as q where q.org_id = d.org_id and q.id = d.waiting_id);
  -- every claim looks into every lane: where there are many, those without anything go
  delete from syncwell.queue_lanes as l
  where l.org_id in (select n.org_id from syncwell.queue_lanes as n group by n.org_id having count(*) > 100)
    and not exists (select from syncwell.sync_queue as q where q.lane = l.lane);
  get diagnostics v_lanes = row_count;
  -- an operation whose transaction had not ended when its lane went stands in none
  update syncwell.sync_queue as q
  set lane = syncwell._lane(q.org_id, q.source, q.priority)
  where not exists (select from syncwell.queue_lanes as l where l.lane = q.lane);
  return v_queues + v_buckets + v_lanes;
end
$$;
comment on function syncwell._expire_client_queues_task() is
'Maintenance duty expire_client_queues: deletes reports of devices'' queues past setting queue.report_retention, and '
'token buckets nobody asked for 30 days, and, where an org has more than 100, its empty lanes. Returns how many rows.';
revoke all on function syncwell._expire_client_queues_task() from public;
