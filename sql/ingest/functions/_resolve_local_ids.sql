create or replace function syncwell._resolve_local_ids(
  p_org_id uuid,
  p_user_id uuid,
  p_entity_type text,
  p_local_ids text[],
  p_device_id text
)
returns table (
  local_id text,
  server_id uuid,
  created boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- thousands of names or one, each is looked up in the index
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_missing text[];
  v_created uuid[];
  v_now timestamptz;
begin
  v_missing := array(
    select distinct n.name collate "C"
    from unnest(p_local_ids) as n (name)
    where n.name is not null
      and not exists (
        select from syncwell.local_ids as l
        where l.org_id = p_org_id and l.user_id = p_user_id and l.entity_type = p_entity_type and l.local_id = n.name
      )
    order by 1
  );
  if v_missing <> '{}' then
    v_now := syncwell._now();
    -- in one order, so that two who name the same things never wait for each other in a circle
    with made as (
      insert into syncwell.local_ids as l (org_id, user_id, entity_type, local_id, server_id, device_id, created_at)
      select
        p_org_id, p_user_id, p_entity_type, n.name, syncwell._uuid7(v_now),
        syncwell._redact(p_org_id, p_user_id, p_device_id), v_now
      from unnest(v_missing) with ordinality as n (name, at)
      order by n.at
      on conflict (org_id, user_id, entity_type, local_id) do nothing
      returning l.server_id
    )
    select array_agg(m.server_id) into v_created from made as m;
  end if;
  -- a statement of its own, which sees what somebody else made meanwhile
  return query
  select l.local_id, l.server_id, l.server_id = any (coalesce(v_created, array[]::uuid[]))
  from (select distinct i.name from unnest(p_local_ids) as i (name)) as n
  join syncwell.local_ids as l
    on l.org_id = p_org_id and l.user_id = p_user_id and l.entity_type = p_entity_type and l.local_id = n.name;
end
$$;
comment on function syncwell._resolve_local_ids(uuid, uuid, text, text[], text) is
'The ids here of what a user''s devices named, a row a name (of 1 to 200 characters, NULL left out); made where they '
'are missing, one for ever however many ask at once. Errors: 40001 in a REPEATABLE READ transaction that began before '
'somebody else named the same.';
revoke all on function syncwell._resolve_local_ids(uuid, uuid, text, text[], text) from public;
