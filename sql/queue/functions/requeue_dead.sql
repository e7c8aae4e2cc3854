create or replace function syncwell.requeue_dead(
  p_operation_ids uuid[] default null,
  p_source text default null,
  p_limit integer default 1000
)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- few rows by their keys, whatever the arguments are, and however small the table is when they are planned: planned
-- once a session, they must do when it has grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_now constant timestamptz := syncwell._now();
  v_ids uuid[];
  v_hashes uuid[];
  v_requeued integer;
begin
  perform syncwell._check_limit(p_limit);
  select array_agg(d.id), array_agg(d.dedup_hash)
  into v_ids, v_hashes
  from (
    select q.id, q.dedup_hash
    from syncwell.sync_queue as q
    where q.org_id = v_org_id
      and q.status = 'dead'
      and (p_operation_ids is null or q.id = any(p_operation_ids))
      and (p_source is null or q.source = p_source)
      and syncwell._may_handle_operation(q.user_id)
    order by q.id
    limit p_limit
  ) as d;
  perform syncwell._lock_twins(v_org_id, v_hashes);
  select count(syncwell._put_back(o.operation, v_now, 0))
  into v_requeued
  from (
    select q as operation
    from syncwell.sync_queue as q
    where q.org_id = v_org_id and q.id = any(v_ids) and q.status = 'dead'
    order by q.id
    for update skip locked
  ) as o;
  return v_requeued;
end
$$;
comment on function syncwell.requeue_dead(uuid[], text, integer) is
'Lets dead operations be tried again, with all their attempts: p_operation_ids (NULL: any) of p_source (NULL: any), '
'the oldest p_limit (1 to 1000). One whose newer twin waits already ends as superseded instead. Admins and services '
'requeue their org''s, others their own. Returns how many are not dead any more. Errors: SW001, 22004, 22023, 40001.';
revoke all on function syncwell.requeue_dead(uuid[], text, integer) from public;
grant execute on function syncwell.requeue_dead(uuid[], text, integer) to syncwell_client, syncwell_worker;
