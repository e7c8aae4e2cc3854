create or replace function syncwell._health_context(
  p_org_id uuid,
  p_stale_after interval default null
)
returns table (
  computed_at timestamptz,
  time_zone text,
  limits syncwell.health_limits,
  overrides jsonb,
  windows syncwell.maintenance_windows[],
  judge_from timestamptz,
  is_unevaluated boolean
)
language plpgsql stable security invoker rows 1
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  select
    v_now,
    o.time_zone,
    l.limits,
    s.overrides,
    -- NULL when none is on, as nearly always
    (select array_agg(w) from syncwell._active_windows(o.org_id, v_now) as w),
    e.judge_from,
    -- one that lies ahead, since the clock was put back, is none: nothing is evaluated until it has caught up
    (
      e.evaluated_at between v_now - 2 * (l.limits)."health.evaluation_interval"
      and v_now + 2 * (l.limits)."health.evaluation_interval"
    ) is not true
  from syncwell.orgs as o
  left join syncwell.health_evaluations as e on e.org_id = o.org_id
  cross join lateral syncwell._health_settings(o.org_id, p_stale_after) as s
  cross join lateral (
    select jsonb_populate_record(null::syncwell.health_limits, s.settings) as limits
    offset 0
  ) as l
  where o.org_id = p_org_id;
end
$$;
comment on function syncwell._health_context(uuid, interval) is
'What the health of every stream of an org depends on beside the stream itself: the time, the org''s time zone, '
'limits and overrides of them (see _health_settings, also for p_stale_after), the maintenance windows that are on '
'(NULL: none), the end of the last time nothing evaluated, and whether evaluate_health() has not looked for two of its '
'intervals.';
revoke all on function syncwell._health_context(uuid, interval) from public;
