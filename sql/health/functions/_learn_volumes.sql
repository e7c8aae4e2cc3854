create or replace function syncwell._learn_volumes(
  p_org_id uuid,
  p_force boolean default false
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  v_series uuid[];
  v_batch uuid[];
  v_learned syncwell.volume_baselines[];
  v_count bigint := 0;
begin
  -- what was learned so far judges the hours until now
  perform syncwell._check_volumes(p_org_id);

  delete from syncwell.volume_baselines as b
  where b.org_id = p_org_id
    and not exists (select from syncwell._volume_closed(p_org_id, v_now) as c where c.series_id = b.series_id);
  v_series := array(
    select c.series_id
    from syncwell._volume_closed(p_org_id, v_now) as c
    left join syncwell.volume_baselines as b on b.org_id = p_org_id and b.series_id = c.series_id
    where p_force or coalesce(b.learned_at <= v_now - interval '20 hours', true)
    order by c.series_id
  );

  -- a hundred series are 134 400 hours: enough at once
  while v_series <> '{}' loop
    v_batch := v_series[:100];
    v_series := v_series[101:];
    with closed as materialized (
      select c.*, c.closed_to - interval '1344 hours' as from_hour
      from syncwell._volume_closed(p_org_id, v_now) as c
      where c.series_id = any(v_batch)
    ),
    hours as materialized (
      select h.series_id, h.counts, h.slots, h.first_hour
      from (
        select
          array_agg(c.series_id) as ids, array_agg(c.from_hour) as starts, array_agg(c.closed_to) as ends
        from closed as c
      ) as a
      cross join lateral syncwell._volume_hours(p_org_id, a.ids, a.starts, a.ends) as h
    ),
    -- history begins with the first run
    known as materialized (
      select
        c.*, h.first_hour,
        h.counts[(extract(epoch from h.first_hour - c.from_hour) / 3600)::integer + 1:] as counts,
        h.slots[(extract(epoch from h.first_hour - c.from_hour) / 3600)::integer + 1:] as slots,
        b.since,
        (extract(epoch from b.since - h.first_hour) / 3600)::integer as hours_before
      from closed as c
      left join hours as h on h.series_id = c.series_id
      left join syncwell.volume_baselines as b on b.org_id = p_org_id and b.series_id = c.series_id
    ),
    stored as (
      insert into syncwell.volume_baselines as b (
        org_id, series_id, stream_id, user_id, source, platform, time_zone, learned_at, history_from, history_to,
        history_hours, upper, lower, rates, surge_quantiles, surge_scales, drop_limits, gap_hours, gap_mass, checked_to,
        surge_record, recent_surges, empty_hours, empty_mass, severity
      )
      select
        p_org_id, k.series_id, k.stream_id, k.user_id, k.source, k.platform, k.time_zone, v_now, k.first_hour,
        k.closed_to, coalesce(m.history_hours, 0), m.upper, m.lower, m.rates, m.surge_quantiles, m.surge_scales,
        m.drop_limits, m.gap_hours, m.gap_mass, k.closed_to, coalesce(m.surge_record, 0),
        coalesce(m.recent_surges, '{}'), coalesce(m.empty_hours, 0), coalesce(m.empty_mass, 0),
        case when m.upper is null then 'learning' else 'none' end
      from known as k
      left join lateral syncwell._volume_model(k.counts, k.slots, k.hours_before) as m
        on cardinality(k.counts) >= 336
      order by k.series_id
      -- a surge that lasts does not become the measure of surges before it has ended
      on conflict (org_id, series_id) do update set
        user_id = excluded.user_id,
        source = excluded.source,
        platform = excluded.platform,
        time_zone = excluded.time_zone,
        learned_at = excluded.learned_at,
        history_from = excluded.history_from,
        history_to = excluded.history_to,
        history_hours = excluded.history_hours,
        upper = excluded.upper,
        lower = excluded.lower,
        rates = excluded.rates,
        surge_quantiles = case when b.finding = 'surge' then b.surge_quantiles else excluded.surge_quantiles end,
        surge_scales = case when b.finding = 'surge' then b.surge_scales else excluded.surge_scales end,
        drop_limits = excluded.drop_limits,
        gap_hours = excluded.gap_hours,
        gap_mass = excluded.gap_mass,
        checked_to = excluded.checked_to,
        surge_record = case when b.finding = 'surge' then b.surge_record else excluded.surge_record end,
        recent_surges = case when b.finding = 'surge' then b.recent_surges else excluded.recent_surges end,
        empty_hours = excluded.empty_hours,
        empty_mass = excluded.empty_mass,
        severity = case when excluded.upper is null or b.finding is null then excluded.severity else b.severity end,
        finding = case when excluded.upper is not null then b.finding end,
        since = case when excluded.upper is not null then b.since end,
        surge_peak = case when excluded.upper is not null then b.surge_peak end,
        drift_percent = case when excluded.upper is not null then b.drift_percent end,
        evidence = case when excluded.upper is not null then b.evidence end
      returning b
    )
    select array_agg(s.b) into v_learned from stored as s;
    perform syncwell._tell_volumes(p_org_id, v_learned);
    v_count := v_count + coalesce(cardinality(v_learned), 0);
  end loop;
  return v_count;
end
$$;
comment on function syncwell._learn_volumes(uuid, boolean) is
'Learns what volume is usual in an org, for each live stream and for all of a source and platform together where '
'these are several, from the last eight weeks, and returns for how many. p_force: for all; else for those not learned '
'for 20 hours. With less than two weeks since the first run nothing is learned yet. Before, what closed is checked by '
'what was learned so far. Hours since a finding began set no limits for drops.';
revoke all on function syncwell._learn_volumes(uuid, boolean) from public;
