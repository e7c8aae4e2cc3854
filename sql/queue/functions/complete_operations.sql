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
-- few rows by their keys, whatever the arguments are: planning anew would cost more than the statements
set plan_cache_mode = force_generic_plan
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_now constant timestamptz := syncwell._now();
  v_done uuid[];
  v_waited_for uuid[];
  v_user_id uuid;
begin
  perform syncwell._check_operation_ids(p_operation_ids, p_lease_token);
  if cardinality(p_operation_ids) > 1 then
    perform from syncwell.sync_queue as q
    where q.org_id = v_org_id and q.id = any(p_operation_ids) and q.lease_token = p_lease_token
    order by q.id
    for update;
  end if;
  with done as (
    delete from syncwell.sync_queue as q
    where q.org_id = v_org_id and q.id = any(p_operation_ids) and q.lease_token = p_lease_token
    returning q.*
  ),
  archived as (
    insert into syncwell.sync_queue_archive (
      org_id, id, user_id, source, operation_type, platform, status, attempts, lease_token, enqueued_at, claimed_at,
      finished_at
    )
    select
      d.org_id, d.id, d.user_id, d.source, d.operation_type, d.platform, 'completed', d.attempts, d.lease_token,
      d.enqueued_at, d.claimed_at, greatest(v_now, d.claimed_at)
    from done as d
  )
  select array_agg(d.id), array_agg(d.id) filter (where d.is_waited_for) into v_done, v_waited_for from done as d;
  if v_waited_for is not null then
    perform syncwell._release_waiting(v_org_id, v_waited_for, true);
  end if;

  if cardinality(v_done) = cardinality(p_operation_ids) then
    return query select i.id, 'completed' from unnest(p_operation_ids) as i (id);
    return;
  end if;

  v_user_id := syncwell._claim_user();
  return query
  select
    i.id,
    case
      when i.id = any(v_done) or a.lease_token = p_lease_token then 'completed'
      when q.id is not null or a.id is not null then 'lease_lost'
      else 'unknown'
    end
  from unnest(p_operation_ids) with ordinality as i (id, at)
  left join lateral (
    select o.id
    from syncwell.sync_queue as o
    where o.org_id = v_org_id and o.id = i.id and (v_user_id is null or o.user_id = v_user_id)
  ) as q on true
  left join lateral (
    select o.id, o.lease_token
    from syncwell.sync_queue_archive as o
    where o.org_id = v_org_id and o.id = i.id and (v_user_id is null or o.user_id = v_user_id)
  ) as a on true
  order by i.at;
end
$$;
comment on function syncwell.complete_operations(uuid[], uuid) is
'Ends claimed operations as done, those of p_operation_ids (at most 1000) that p_lease_token still holds; what waits '
'for them goes on. Returns a row an id, in their order: completed (also when this call said so before: it may be '
'repeated), lease_lost (somebody else has or had it: undo what can be undone), unknown (no such operation). Errors: '
'SW001, 22004, 22023.';
revoke all on function syncwell.complete_operations(uuid[], uuid) from public;
grant execute on function syncwell.complete_operations(uuid[], uuid) to syncwell_worker;
