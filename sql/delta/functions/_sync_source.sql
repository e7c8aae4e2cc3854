create or replace function syncwell._sync_source(p_org_id uuid)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_source constant text := syncwell._setting(p_org_id, 'delta.source');
begin
  -- a wrong setting keeps no device from syncing
  return case when v_source ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$' then v_source else 'app' end;
end
$$;
comment on function syncwell._sync_source(uuid) is
'The source of an org''s streams that devices sync: setting delta.source, or app where that is no name of a source.';
revoke all on function syncwell._sync_source(uuid) from public;
