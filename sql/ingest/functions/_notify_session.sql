create or replace function syncwell._notify_session(
  p_org_id uuid,
  p_session_id uuid,
  p_settings jsonb,
  p_kind text default null
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if (p_settings ->> 'ingest.notify')::boolean then
    perform pg_notify(
      'syncwell_sessions',
      jsonb_strip_nulls(jsonb_build_object('org', p_org_id, 'session', p_session_id, 'kind', p_kind))::text
    );
  end if;
end
$$;
comment on function syncwell._notify_session(uuid, uuid, jsonb, text) is
'Tells whoever listens on channel syncwell_sessions that something of a session has arrived: ids, and the kind of '
'record where it is one. p_settings: those of the org; ingest.notify decides.';
revoke all on function syncwell._notify_session(uuid, uuid, jsonb, text) from public;
