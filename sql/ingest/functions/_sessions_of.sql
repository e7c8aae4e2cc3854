create or replace function syncwell._sessions_of(
  p_org_id uuid,
  p_user_id uuid,
  p_sessions text[],
  p_create boolean,
  p_device_id text
)
returns table (
  session text,
  session_id uuid
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_known text[];
  v_ids uuid[];
  v_names text[];
  v_there boolean;
begin
  -- ids of the server, in the user's own hands; what somebody else's session is called is a name like any other
  select array_agg(i.name), array_agg(i.id)
  into v_known, v_ids
  from (
    select distinct n.name, n.name::uuid as id
    from unnest(p_sessions) as n (name)
    where n.name ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
  ) as i
  where exists (
    select from syncwell.sync_sessions as s
    where s.org_id = p_org_id and s.session_id = i.id and s.user_id = p_user_id
  )
  or exists (
    select from syncwell.session_counts as c
    where c.org_id = p_org_id and c.session_id = i.id and c.user_id = p_user_id
  )
  or exists (
    select from syncwell.local_ids as l
    where l.org_id = p_org_id and l.server_id = i.id and l.user_id = p_user_id and l.entity_type = 'session'
  )
  or exists (
    select from syncwell.session_merges as m
    where m.org_id = p_org_id and m.removed_id = i.id and m.user_id = p_user_id and m.reverted_at is null
  );

  v_names := array(
    select n.name from unnest(p_sessions) as n (name)
    where n.name is not null and n.name not in (select k.name from unnest(v_known) as k (name))
  );
  if p_create and v_names <> '{}' then
    select v_known || array_agg(r.local_id), v_ids || array_agg(r.server_id)
    into v_known, v_ids
    from syncwell._resolve_local_ids(p_org_id, p_user_id, 'session', v_names, p_device_id) as r;
  elsif v_names <> '{}' then
    select v_known || array_agg(l.local_id), v_ids || array_agg(l.server_id)
    into v_known, v_ids
    from unnest(v_names) as n (name)
    join syncwell.local_ids as l
      on l.org_id = p_org_id and l.user_id = p_user_id and l.entity_type = 'session' and l.local_id = n.name;
  end if;

  -- merged away, perhaps more than once
  loop
    select array_agg(coalesce(m.kept_id, i.id) order by i.at), bool_or(m.kept_id is not null)
    into v_ids, v_there
    from unnest(v_ids) with ordinality as i (id, at)
    left join syncwell.session_merges as m
      on m.org_id = p_org_id and m.removed_id = i.id and m.reverted_at is null;
    exit when v_there is not true;
  end loop;
  -- the lock does not show what was merged or reverted before it to who began earlier: that moved names
  if current_setting('transaction_isolation') <> 'read committed' then
    perform from syncwell.local_ids as l
    where l.org_id = p_org_id and l.user_id = p_user_id and l.entity_type = 'session' and l.server_id = any(v_ids)
    for share;
  end if;
  return query
  select distinct k.name, k.id from unnest(v_known, v_ids) as k (name, id);
end
$$;
comment on function syncwell._sessions_of(uuid, uuid, text[], boolean, text) is
'Which of a user''s sessions are meant: by their ids here in text form, of those that exist, have records or were '
'merged away, else by the names a device gave them; names not heard of yet get an id with p_create, and are left out '
'without. What was merged away is the session that was kept. After _lock_sessions(). Errors: 40001 as '
'_resolve_local_ids(), and in REPEATABLE READ where a merge was done or reverted since the transaction began.';
revoke all on function syncwell._sessions_of(uuid, uuid, text[], boolean, text) from public;
