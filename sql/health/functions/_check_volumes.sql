create or replace function syncwell._check_volumes(
  p_org_id uuid
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  v_checked syncwell.volume_baselines[];
begin
  -- nothing to do, said cheaply: that is what nearly every tick finds
  perform from syncwell.volume_baselines as b
  where b.org_id = p_org_id and b.upper is not null and b.checked_to <= v_now - interval '1 hour';
  if not found then
    return 0;
  end if;
  select array_agg(p) into v_checked from syncwell._volume_progress(p_org_id, null, v_now) as p;
  if v_checked is null then
    return 0;
  end if;

  with locked as materialized (
    select b.series_id
    from syncwell.volume_baselines as b
    where b.org_id = p_org_id and b.series_id in (select c.series_id from unnest(v_checked) as c)
    order by b.series_id
    for no key update skip locked
  )
  update syncwell.volume_baselines as b
  set
    checked_to = c.checked_to,
    surge_record = c.surge_record,
    recent_surges = c.recent_surges,
    empty_hours = c.empty_hours,
    empty_mass = c.empty_mass,
    finding = c.finding,
    severity = c.severity,
    since = c.since,
    surge_peak = c.surge_peak,
    drift_percent = c.drift_percent,
    evidence = c.evidence
  from locked as l
  join unnest(v_checked) as c on c.series_id = l.series_id
  where b.org_id = p_org_id and b.series_id = l.series_id and b.checked_to < c.checked_to;

  perform syncwell._tell_volumes(p_org_id, v_checked);
  return cardinality(v_checked);
end
$$;
comment on function syncwell._check_volumes(uuid) is
'Judges the volumes of an org over the hours that closed since the last check, where any did, keeps the outcome in '
'volume_baselines, and drift_percent, drift_severity and drift_since of stream_states where these change. Returns how '
'many series were checked.';
revoke all on function syncwell._check_volumes(uuid) from public;
