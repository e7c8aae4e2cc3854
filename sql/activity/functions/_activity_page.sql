create or replace function syncwell._activity_page(
  p_org_id uuid,
  p_user_id uuid,
  p_entity_type text,
  p_action text,
  p_status text,
  p_sync_id text,
  p_from timestamptz,
  p_to timestamptz,
  p_last_at timestamptz,
  p_last_id uuid,
  p_limit integer
)
returns setof syncwell.sync_activity_log
language plpgsql stable security invoker rows 50
set search_path = pg_catalog, pg_temp
-- each question has an index of its own, which only a plan for what is asked finds
set plan_cache_mode = force_custom_plan
as $$
begin
  if p_user_id is null and p_sync_id is null and coalesce(p_action, p_status, p_entity_type) is not null then
    return query
    select s.*
    from syncwell._activity_by_slot(
      p_org_id, p_entity_type, p_action, p_status, p_from, p_to, p_last_at, p_last_id, p_limit
    ) as s;
    return;
  end if;

  return query
  -- with ties: their order is by id, which only the index of the primary key has
  with newest as (
    select a.*
    from syncwell.sync_activity_log as a
    where a.org_id = p_org_id
      and (p_user_id is null or a.user_id = p_user_id)
      and (p_sync_id is null or a.sync_id = p_sync_id)
      and (p_action is null or a.action = p_action)
      and (p_status is null or a.status = p_status)
      and (p_entity_type is null or a.entity_type = p_entity_type)
      and (p_from is null or a.created_at >= p_from)
      and (p_to is null or a.created_at < p_to)
      and (p_last_at is null or (a.created_at, a.id) < (p_last_at, p_last_id))
    order by a.created_at desc
    fetch first (p_limit) rows with ties
  )
  select n.*
  from newest as n
  order by n.created_at desc, n.id desc
  limit p_limit;
end
$$;
comment on function
syncwell._activity_page(
  uuid, uuid, text, text, text, text, timestamptz, timestamptz, timestamptz, uuid, integer
) is
'A page of an org''s activity log, newest first, for get_sync_activity(), which has checked what it passes; p_last_at, '
'p_last_id: the last entry of the page before, NULL: the first page.';
revoke all on function
syncwell._activity_page(
  uuid, uuid, text, text, text, text, timestamptz, timestamptz, timestamptz, uuid, integer
) from public;
