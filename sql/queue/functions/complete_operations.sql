create or replace function syncwell.complete_operations(
  p_operation_ids uuid[],
  p_lease_token uuid
)
returns table (
  operation_id uuid,
  outcome text
)
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
  v_done uuid[];
  v_waited_for uuid[];
begin
  if (cardinality(p_operation_ids) = 1 and array_position(p_operation_ids, null) is null and p_lease_token is not null)
    is not true
  then
    perform syncwell._check_operation_ids(p_operation_ids, p_lease_token);
    perform syncwell._lock_operations(v_org_id, p_operation_ids, p_lease_token);
  end if;
  -- one probe each, whatever the planner thinks of the table
  with held as materialized (
    select h.tid
    from unnest(p_operation_ids) as i (id)
    cross join lateral (
      select q.ctid as tid
      from syncwell.sync_queue as q
      where q.org_id = v_org_id and q.id = i.id and q.lease_token = p_lease_token
      limit 1
    ) as h
  ),
  done as (
    delete from syncwell.sync_queue as q
    using held as h
    where q.ctid = h.tid and q.lease_token = p_lease_token
    returning
      q.id, q.user_id, q.source, q.operation_type, q.platform, q.attempts, q.enqueued_at, q.claimed_at, q.is_waited_for
  ),
  archived as (
    insert into syncwell.sync_queue_archive (
      org_id, id, user_id, source, operation_type, platform, status, attempts, lease_token, enqueued_at, claimed_at,
      finished_at
    )
    select
      v_org_id, d.id, d.user_id, d.source, d.operation_type, d.platform, 'completed', d.attempts, p_lease_token,
      d.enqueued_at, d.claimed_at, greatest(v_now, d.claimed_at)
    from done as d
  )
  select array_agg(d.id), array_agg(d.id) filter (where d.is_waited_for) into v_done, v_waited_for from done as d;
  if v_waited_for is not null then
    perform syncwell._release_waiting(v_org_id, v_waited_for, true);
  end if;

  if not p_operation_ids <@ coalesce(v_done, '{}') then
    return query select * from syncwell._ended_operations(v_org_id, p_operation_ids, p_lease_token, v_done);
    return;
  end if;
  outcome := 'completed';
  foreach operation_id in array p_operation_ids loop
    return next;
  end loop;
end
$$;
comment on function syncwell.complete_operations(uuid[], uuid) is
'Ends claimed operations as done, those of p_operation_ids (at most 1000) that p_lease_token still holds; what waits '
'for them goes on. Returns a row an id, in their order: completed (also when this call said so before: it may be '
'repeated), lease_lost (somebody else has or had it: undo what can be undone), unknown (no such operation). Errors: '
'SW001, 22004, 22023.';
revoke all on function syncwell.complete_operations(uuid[], uuid) from public;
grant execute on function syncwell.complete_operations(uuid[], uuid) to syncwell_worker;
