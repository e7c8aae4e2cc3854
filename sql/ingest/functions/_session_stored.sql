create or replace function syncwell._session_stored(
  p_org_id uuid,
  p_session_id uuid
)
returns jsonb
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(c.kind, c.records order by c.kind), '{}')
  from syncwell.session_counts as c
  where c.org_id = p_org_id and c.session_id = p_session_id and c.records > 0;
$$;
comment on function syncwell._session_stored(uuid, uuid) is
'How many records of each kind a session has, mock ones included: {kind: number}.';
revoke all on function syncwell._session_stored(uuid, uuid) from public;
