create or replace function syncwell._ended_operations(
  p_org_id uuid,
  p_operation_ids uuid[],
  p_lease_token uuid,
  p_done uuid[]
)
returns table (
  operation_id uuid,
  outcome text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- few rows by their keys, whatever the arguments are, and however small the table is when they are planned: planned
-- once a session, they must do when it has grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  v_user_id constant uuid := (syncwell._claim_scope()).user_id;
begin
  return query
  select
    i.id,
    case
      when i.id = any(p_done) or a.lease_token = p_lease_token then 'completed'
      when q.id is not null or a.id is not null then 'lease_lost'
      else 'unknown'
    end
  from unnest(p_operation_ids) with ordinality as i (id, at)
  left join lateral (
    select o.id
    from syncwell.sync_queue as o
    where o.org_id = p_org_id and o.id = i.id and (v_user_id is null or o.user_id = v_user_id)
    limit 1
  ) as q on true
  left join lateral (
    select o.id, o.lease_token
    from syncwell.sync_queue_archive as o
    where o.org_id = p_org_id and o.id = i.id and (v_user_id is null or o.user_id = v_user_id)
    limit 1
  ) as a on true
  order by i.at;
end
$$;
comment on function syncwell._ended_operations(uuid, uuid[], uuid, uuid[]) is
'What complete_operations() tells of each operation, p_done being those that it has just ended: completed (also by an '
'earlier call with this lease), lease_lost or unknown, which others'' operations are as well.';
revoke all on function syncwell._ended_operations(uuid, uuid[], uuid, uuid[]) from public;
