create or replace function syncwell._volume_step(
  p_baseline syncwell.volume_baselines,
  p_counts double precision[],
  p_slots integer[],
  p_minimum double precision,
  p_critical numeric
)
returns syncwell.volume_baselines
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_next syncwell.volume_baselines := p_baseline;
  v_hours constant integer[] := array[1, 6, 24];
  v_windows record;
  v_volume constant double precision := p_counts[24];
  v_distances double precision[] := array[]::double precision[];
  v_falls double precision[] := array[]::double precision[];
  v_score double precision := 0;
  v_surge double precision := 0;
  v_place integer;
  v_empty integer := 0;
  v_expected double precision;
  v_percent numeric;
begin
  v_next.checked_to := p_baseline.checked_to + interval '1 hour';
  v_next.surge_record := greatest(p_baseline.surge_record, p_baseline.recent_surges[1] * exp(-6 / 336.0))
    * exp(-1 / 336.0);
  if v_volume is null then
    -- left out: nothing is expected, nothing goes on
    v_next.recent_surges := p_baseline.recent_surges[2:] || 0::double precision;
    v_next.finding := null;
    v_next.severity := 'none';
    v_next.since := null;
    v_next.surge_peak := null;
    v_next.drift_percent := null;
    v_next.evidence := null;
    return v_next;
  end if;

  select w.* into v_windows
  from syncwell._volume_windows(p_baseline.upper, p_baseline.lower, p_counts, p_slots) as w;
  for i in 1..3 loop
    v_distances[i] := syncwell._volume_distance(v_windows.actual[i]) - syncwell._volume_distance(v_windows.upper[i]);
    v_surge := v_surge + greatest(v_distances[i], 0) / p_baseline.surge_quantiles[i] / 3;
    if v_windows.actual[i] - v_windows.upper[i] >= p_minimum then
      v_score := greatest(v_score, v_distances[i] / p_baseline.surge_scales[i]);
    end if;
    v_falls[i] := (syncwell._volume_distance(v_windows.lower[i]) - syncwell._volume_distance(v_windows.actual[i]))
      / p_baseline.drop_limits[i];
  end loop;
  v_falls[4] := v_windows.typical_fall / p_baseline.drop_limits[4];
  v_next.recent_surges := p_baseline.recent_surges[2:] || v_surge;

  if v_volume = 0 then
    while v_empty < 24 and coalesce(p_counts[24 - v_empty], 0) = 0 loop
      v_empty := v_empty + 1;
    end loop;
    v_next.empty_hours := case
      when v_empty < 24 then
        (select count(c.volume) from unnest(p_counts[25 - v_empty:]) as c (volume))
      else p_baseline.empty_hours + 1
    end;
    v_next.empty_mass := case
      when v_empty < 24 then (
        select sum(p_baseline.rates[c.slot + 1])
        from unnest(p_counts[25 - v_empty:], p_slots[25 - v_empty:]) as c (volume, slot)
        where c.volume is not null
      )
      else p_baseline.empty_mass + p_baseline.rates[p_slots[24] + 1]
    end;
  else
    v_next.empty_hours := 0;
    v_next.empty_mass := 0;
  end if;

  if v_next.empty_hours >= 2
    and v_next.empty_mass >= 9.2
    and (
      v_next.empty_mass >= 1.5 * p_baseline.gap_mass
      or v_next.empty_hours >= 1.5 * p_baseline.gap_hours
      or p_baseline.finding = 'gap'
    )
  then
    v_next.finding := 'gap';
  elsif v_falls[1] > 1 or v_falls[2] > 1 or v_falls[3] > 1 or v_falls[4] > 1
    or (
      p_baseline.finding = 'drop'
      and v_windows.recent_fall > 0
      and greatest(v_falls[1], v_falls[2], v_falls[3], v_falls[4]) >= 0.5
    )
  then
    v_next.finding := 'drop';
  elsif v_surge >= 0.5 and v_score >= 4
    and v_surge > 1.2 * greatest(p_baseline.surge_record, p_baseline.recent_surges[1] * exp(-6 / 336.0))
    or p_baseline.finding = 'surge' and v_surge >= 0.5 * p_baseline.surge_peak
  then
    v_next.finding := 'surge';
  else
    v_next.finding := null;
  end if;

  if v_next.finding is null then
    v_next.since := null;
  elsif v_next.finding is distinct from p_baseline.finding then
    v_next.since := v_next.checked_to - case v_next.finding
      when 'gap' then make_interval(hours => v_next.empty_hours)
      else interval '1 hour'
    end;
  end if;
  v_next.surge_peak := case
    when v_next.finding <> 'surge' then null
    when p_baseline.finding = 'surge' then greatest(v_surge, p_baseline.surge_peak)
    else v_surge
  end;

  -- the window that stands out most; the typical hour of a day speaks for the day
  v_place := case v_next.finding
    when 'surge' then (
      select d.place from unnest(v_distances, p_baseline.surge_quantiles) with ordinality as d (distance, q, place)
      order by d.distance / d.q desc, d.place limit 1
    )
    when 'drop' then least((
      select f.place from unnest(v_falls) with ordinality as f (fall, place) order by f.fall desc, f.place limit 1
    ), 3)
  end;
  v_expected := case v_next.finding
    when 'surge' then v_windows.upper[v_place]
    when 'drop' then v_windows.lower[v_place]
    when 'gap' then v_next.empty_mass
  end;
  v_percent := case
    when v_next.finding = 'gap' then -100
    when v_expected > 0 then round((100 * (v_windows.actual[v_place] - v_expected) / v_expected)::numeric, 0)
  end;
  v_next.drift_percent := v_percent;
  v_next.severity := case
    when v_next.finding is null then 'none'
    when v_next.finding = 'gap' or (v_next.finding = 'drop' and v_percent <= -p_critical) then 'critical'
    else 'warning'
  end;
  v_next.evidence := case
    when v_next.finding = 'gap' then jsonb_build_object(
      'kind', 'gap',
      'until', v_next.checked_to,
      'empty_hours', v_next.empty_hours,
      'expected', round(v_next.empty_mass::numeric, 1),
      'actual', 0,
      'drift_percent', v_percent,
      'longest_before_hours', p_baseline.gap_hours,
      'most_expected_before', round(p_baseline.gap_mass::numeric, 1)
    )
    when v_next.finding is not null then jsonb_build_object(
      'kind', v_next.finding,
      'until', v_next.checked_to,
      'window_hours', v_hours[v_place],
      'expected', round(v_expected::numeric, 1),
      'actual', v_windows.actual[v_place]::numeric,
      'drift_percent', v_percent,
      'strength', round((
        case v_next.finding
          when 'surge' then v_surge
          else greatest(v_falls[1], v_falls[2], v_falls[3], v_falls[4])
        end
      )::numeric, 2),
      'limit', case v_next.finding
        when 'surge' then round(greatest(
          0.5, 1.2 * greatest(p_baseline.surge_record, p_baseline.recent_surges[1] * exp(-6 / 336.0))
        )::numeric, 2)
        else 1
      end
    )
  end;
  return v_next;
end
$$;
comment on function syncwell._volume_step(
  syncwell.volume_baselines, double precision[], integer[], double precision, numeric
) is
'A baseline after one more hour. p_counts: volumes of the 24 hours up to that hour, oldest first, NULL = left out; '
'p_slots: their hours of the week; p_minimum: items more than expected that make a surge; p_critical: percent from '
'which a drop is critical. gap: nothing came for at least 2 hours in which 9.2 items were expected, and half as much '
'again as in the longest such time before, in items or hours; until an item comes. drop: over 1, 6 or 24 hours or in '
'the typical of 24 hours the distance below the lower expectation is beyond its limit; until all are below half of it, '
'or the last 6 hours are typically as expected. surge: the mean over the windows of distance above the upper '
'expectation / its 99 % quantile is at least 0.5 and 1.2 times its faded record, and one distance is at least 4 times '
'its scale; until it is below half of its peak. evidence.strength and limit: that mean, or fall / limit.';
revoke all on function syncwell._volume_step(
  syncwell.volume_baselines, double precision[], integer[], double precision, numeric
) from public;
