create or replace function syncwell._session_sync_status(
  p_org_id uuid,
  p_session_id uuid,
  p_status text,
  p_expected jsonb
)
returns text
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_status <> 'completed' and coalesce(p_expected, '{}') = '{}' then 'syncing'
    when syncwell._session_missing(p_org_id, p_session_id, p_expected) = '{}' then 'completed'
    else 'syncing'
  end;
$$;
comment on function syncwell._session_sync_status(uuid, uuid, text, jsonb) is
'The sync_status of a session of which something has arrived: completed once all that was expected is here, and where '
'nothing was told, once its status (p_status) is completed; else syncing.';
revoke all on function syncwell._session_sync_status(uuid, uuid, text, jsonb) from public;
