create or replace function syncwell._activity_by_slot(
  p_org_id uuid,
  p_entity_type text,
  p_action text,
  p_status text,
  p_from timestamptz,
  p_to timestamptz,
  p_last_at timestamptz,
  p_last_id uuid,
  p_limit integer
)
returns setof syncwell.sync_activity_log
language plpgsql stable security invoker rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
-- whatever it believes there is of a value at that time, the planner shall not read and sort it all for a page
set enable_sort = off
set enable_bitmapscan = off
as $$
begin
  return query
  select a.*
  from syncwell.sync_activity_log as a
  where a.org_id = p_org_id
    and (p_action is null or a.action = p_action)
    and (p_status is null or a.status = p_status)
    and (p_entity_type is null or a.entity_type = p_entity_type)
    and (p_from is null or a.created_at >= p_from)
    and (p_to is null or a.created_at < p_to)
    and (p_last_at is null or (a.created_at, a.id) < (p_last_at, p_last_id))
    -- the same bounds for the index
    and (
      p_from is null
      or date_bin('15 minutes', a.created_at, 'epoch') >= date_bin('15 minutes', greatest(p_from, 'epoch'), 'epoch')
    )
    and (
      coalesce(p_to, p_last_at) is null
      or date_bin('15 minutes', a.created_at, 'epoch') <= least(p_to, p_last_at)
    )
  order by date_bin('15 minutes', a.created_at, 'epoch') desc, a.created_at desc, a.id desc
  limit p_limit;
end
$$;
comment on function
syncwell._activity_by_slot(uuid, text, text, text, timestamptz, timestamptz, timestamptz, uuid, integer) is
'_activity_page() of actions, statuses and entity types, at least one of them, in the order of their indexes: a '
'quarter of an hour after the other, the newest first, each sorted by itself.';
revoke all on function
syncwell._activity_by_slot(uuid, text, text, text, timestamptz, timestamptz, timestamptz, uuid, integer) from public;
