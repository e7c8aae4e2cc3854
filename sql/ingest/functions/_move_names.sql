create or replace function syncwell._move_names(
  p_org_id uuid,
  p_merge_id uuid,
  p_kept_id uuid,
  p_removed_id uuid
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_moved bigint;
begin
  with names as (
    update syncwell.local_ids as l
    set server_id = p_kept_id
    where l.org_id = p_org_id and l.server_id = p_removed_id and l.entity_type = 'session'
    returning l.user_id, l.local_id
  ),
  events as (
    update syncwell.data_events as e
    set session_id = p_kept_id
    where e.org_id = p_org_id and e.session_id = p_removed_id
    returning e.user_id, e.id, e.occurred_at
  )
  insert into syncwell.session_merge_moves (org_id, merge_id, user_id, table_name, row_key, row_before)
  select
    p_org_id, p_merge_id, n.user_id, 'local_ids', n.local_id,
    jsonb_build_object('local_id', n.local_id, 'server_id', p_removed_id)
  from names as n
  union all
  select
    p_org_id, p_merge_id, e.user_id, 'data_events', e.id::text,
    jsonb_build_object('id', e.id, 'session_id', p_removed_id)
  from events as e;
  get diagnostics v_moved = row_count;
  return v_moved;
end
$$;
comment on function syncwell._move_names(uuid, uuid, uuid, uuid) is
'The part of _merge_sessions() that moves and logs local ids and events. Returns how many.';
revoke all on function syncwell._move_names(uuid, uuid, uuid, uuid) from public;
