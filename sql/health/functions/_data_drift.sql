create or replace function syncwell._data_drift(
  p_user_id uuid default null,
  p_source text default null
)
returns table (
  source text,
  platform text,
  user_id uuid,
  stream_id uuid,
  window_hours integer,
  window_start timestamptz,
  window_end timestamptz,
  expected numeric,
  actual numeric,
  drift_percent numeric,
  z numeric,
  lower_bound numeric,
  upper_bound numeric,
  severity text,
  since timestamptz,
  baseline_weeks numeric,
  time_zone text,
  evidence jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_now constant timestamptz := syncwell._now();
  v_streams uuid[];
  v_series uuid[];
  v_minimum double precision;
begin
  v_caller := syncwell._caller();
  v_streams := array(select s.stream_id from syncwell._visible_streams(p_source, p_user_id) as s);
  v_series := v_streams;
  if v_caller.sees_org and p_user_id is null then
    v_series := v_series || array(
      select distinct syncwell._volume_series_id(s.source, s.platform)
      from syncwell.streams as s
      where s.org_id = v_caller.org_id and s.stream_id = any(v_streams)
    );
  end if;
  v_minimum := syncwell._setting(v_caller.org_id, 'health.drift_minimum')::double precision;

  return query
  with closed as materialized (
    select c.*
    from syncwell._volume_closed(v_caller.org_id, v_now) as c
    where c.series_id = any(v_series)
  ),
  ahead as materialized (
    select p.series_id, p as baseline from syncwell._volume_progress(v_caller.org_id, v_series, v_now) as p
  ),
  series as materialized (
    select
      c.series_id, c.source, c.platform, c.user_id, c.stream_id, c.time_zone, c.closed_to,
      coalesce(a.baseline, b) as b
    from closed as c
    left join syncwell.volume_baselines as b on b.org_id = v_caller.org_id and b.series_id = c.series_id
    left join ahead as a on a.series_id = c.series_id
  ),
  hours as materialized (
    select h.series_id, h.counts, h.slots
    from (
      select
        array_agg(x.series_id) as ids,
        array_agg(x.closed_to - interval '24 hours') as starts,
        array_agg(x.closed_to) as ends
      from closed as x
    ) as i
    cross join lateral syncwell._volume_hours(v_caller.org_id, i.ids, i.starts, i.ends) as h
    where i.ids is not null
  )
  select
    x.source,
    x.platform,
    x.user_id,
    x.stream_id,
    l.hours,
    x.closed_to - make_interval(hours => l.hours),
    x.closed_to,
    n.expected,
    w.actual[l.place]::numeric,
    round(100 * (w.actual[l.place]::numeric - n.expected) / nullif(n.expected, 0), 1),
    round((
      case
        when w.actual[l.place] > w.upper[l.place] then
          (syncwell._volume_distance(w.actual[l.place]) - syncwell._volume_distance(w.upper[l.place]))
          / (x.b).surge_scales[l.place]
        when w.actual[l.place] < w.lower[l.place] then
          syncwell._volume_distance(w.actual[l.place]) - syncwell._volume_distance(w.lower[l.place])
        when n.expected is not null then 0
      end
    )::numeric, 2),
    n.lower_bound,
    n.upper_bound,
    coalesce((x.b).severity, 'learning'),
    (x.b).since,
    round(coalesce((x.b).history_hours, 0) / 168.0, 1),
    x.time_zone,
    coalesce((x.b).evidence, '{}')
  from series as x
  join hours as h on h.series_id = x.series_id
  cross join (values (1, 1), (2, 6), (3, 24)) as l (place, hours)
  cross join lateral syncwell._volume_windows((x.b).upper, (x.b).lower, h.counts, h.slots) as w
  left join lateral syncwell._volume_bounds(
    w.upper[l.place], w.lower[l.place], (x.b).surge_quantiles[l.place], (x.b).surge_scales[l.place],
    (x.b).drop_limits[l.place], v_minimum
  ) as n
    on (x.b).upper is not null
  order by x.source, x.platform nulls last, x.stream_id nulls first, l.place;
end
$$;
comment on function syncwell._data_drift(uuid, text) is
'What calculate_data_drift() returns, as of the snapshot of the statement that asks: analyze_sync_health() puts '
'several together. Errors: SW001, SW002.';
revoke all on function syncwell._data_drift(uuid, text) from public;
