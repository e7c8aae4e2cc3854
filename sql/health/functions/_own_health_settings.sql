create or replace function syncwell._own_health_settings()
returns table (
  computed_at timestamptz,
  time_zone text,
  limits syncwell.health_limits,
  overrides jsonb,
  windows syncwell.maintenance_windows[],
  judge_from timestamptz,
  is_unevaluated boolean
)
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := syncwell.current_org_id();
  v_user_id constant uuid := syncwell.current_user_id();
  v_sees_org constant boolean := syncwell._sees_org();
begin
  return query
  select
    c.computed_at, c.time_zone, c.limits, c.overrides,
    case when c.windows is not null then (
      select array_agg(w) from unnest(c.windows) as w where w.user_id is null or w.user_id = v_user_id or v_sees_org
    ) end,
    c.judge_from, c.is_unevaluated
  from syncwell._health_context(v_org_id) as c;
end
$$;
comment on function syncwell._own_health_settings() is
'_health_context() of the caller''s org, without other users'' maintenance windows where the caller does not see the '
'whole org; no row for nobody.';
revoke all on function syncwell._own_health_settings() from public;
-- view stream_health runs as its reader, who may see the settings of its org
grant execute on function syncwell._own_health_settings() to syncwell_reader;
