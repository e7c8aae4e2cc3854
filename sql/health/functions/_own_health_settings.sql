create or replace function syncwell._own_health_settings()
returns table (
  settings jsonb,
  overrides jsonb,
  time_zone text
)
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := syncwell.current_org_id();
begin
  return query
  select h.settings, h.overrides, o.time_zone
  from syncwell.orgs as o
  cross join lateral syncwell._health_settings(o.org_id) as h
  where o.org_id = v_org_id;
end
$$;
comment on function syncwell._own_health_settings() is
'_health_settings() and the time zone of the caller''s org; no row for nobody.';
revoke all on function syncwell._own_health_settings() from public;
-- view stream_health runs as its reader, who may see the settings of its org
grant execute on function syncwell._own_health_settings() to syncwell_reader;
