create or replace function syncwell._active_after(
  p_from timestamptz,
  p_duration interval,
  p_active_hours text,
  p_time_zone text
)
returns timestamptz
language plpgsql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  c_week constant text := 'MonTueWedThuFriSatSun';
  v_left double precision := extract(epoch from p_duration);
  v_opens interval;
  v_closes interval;
  v_days text;
  v_part text;
  v_first integer;
  v_length integer;
  -- from Monday
  v_is_active boolean[] := array_fill(false, array[7]);
  v_week double precision;
  v_weeks integer;
  v_from timestamptz := p_from;
  v_day timestamp;
  v_until timestamptz;
  v_seconds double precision;
begin
  if p_active_hours is null or (v_left > 0) is not true then
    return p_from + make_interval(secs => v_left);
  end if;

  v_opens := left(right(p_active_hours, 11), 5)::interval;
  v_closes := right(p_active_hours, 5)::interval;
  if v_closes <= v_opens then
    v_closes := v_closes + interval '24 hours';
  end if;
  v_days := coalesce(nullif(left(p_active_hours, -12), ''), 'Mon-Sun');
  foreach v_part in array string_to_array(v_days, ',') loop
    v_first := position(left(v_part, 3) in c_week) / 3;
    v_length := (position(right(v_part, 3) in c_week) / 3 - v_first + 7) % 7;
    for v_at in v_first..v_first + v_length loop
      v_is_active[v_at % 7 + 1] := true;
    end loop;
  end loop;

  -- Whole weeks pass in one step and count as what they have by the clock; the last two are counted to the second,
  -- so that a clock that changes within active hours is wrong by its hour at most, and then only in a wait of weeks.
  v_week := cardinality(array_positions(v_is_active, true)) * extract(epoch from v_closes - v_opens);
  v_weeks := least(floor(v_left / v_week) - 2, 100000);
  if v_weeks = 100000 then
    -- a minute a week, years of it: nobody sees the day, and it is to stay within the range of times
    return p_from + make_interval(weeks => v_weeks);
  elsif v_weeks > 0 then
    v_left := v_left - v_weeks * v_week;
    v_from := (p_from at time zone p_time_zone + make_interval(weeks => v_weeks)) at time zone p_time_zone;
  end if;

  -- hours that pass midnight may have begun the day before
  v_day := date_trunc('day', v_from at time zone p_time_zone) - interval '1 day';
  loop
    if v_is_active[extract(isodow from v_day)::integer] then
      v_from := greatest(v_from, (v_day + v_opens) at time zone p_time_zone);
      v_until := (v_day + v_closes) at time zone p_time_zone;
      v_seconds := extract(epoch from v_until - v_from);
      exit when v_seconds >= v_left;
      if v_seconds > 0 then
        v_left := v_left - v_seconds;
        v_from := v_until;
      end if;
    end if;
    v_day := v_day + interval '1 day';
  end loop;
  return v_from + make_interval(secs => v_left);
end
$$;
comment on function syncwell._active_after(timestamptz, interval, text, text) is
'When p_duration of active time has passed since p_from. p_active_hours: as register_stream() takes them, by the clock '
'of p_time_zone; NULL: always, and then it is elapsed time (a day is 24 hours). Hours that the clock shows twice count '
'twice, those that it skips not at all; where it skips or repeats the edge of active hours, they open and close as '
'late as that can be meant. Stable, not immutable: time zones are the server''s.';
revoke all on function syncwell._active_after(timestamptz, interval, text, text) from public;
