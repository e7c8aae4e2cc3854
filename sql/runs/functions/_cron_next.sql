create or replace function syncwell._cron_next(
  p_cron text,
  p_time_zone text,
  p_after timestamptz
)
returns timestamptz
language plpgsql stable strict security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
declare
  v_fields text[] := regexp_split_to_array(btrim(p_cron), '\s+');
  v_minutes integer[];
  v_hours integer[];
  v_days integer[];
  v_months integer[];
  v_weekdays integer[];
  v_either_day boolean;
  v_wall constant timestamp := p_after at time zone p_time_zone;
  v_today constant date := v_wall::date;
  v_hour constant integer := extract(hour from v_wall);
  v_minute constant integer := extract(minute from v_wall);
  v_next_wall timestamp;
  v_horizon integer;
  v_next timestamptz;
begin
  if cardinality(v_fields) <> 5 then
    raise exception using
      errcode = '22023',
      message = 'this is no cron schedule',
      detail = format('It has %s fields.', cardinality(v_fields)),
      hint = 'Five fields: minute hour day-of-month month day-of-week; each *, a number, a-b, with /step, or a list.';
  end if;
  v_minutes := syncwell._cron_field(v_fields[1], 0, 59);
  v_hours := syncwell._cron_field(v_fields[2], 0, 23);
  v_days := syncwell._cron_field(v_fields[3], 1, 31);
  v_months := syncwell._cron_field(
    v_fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'
  );
  v_weekdays := syncwell._cron_field(v_fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
  if 7 = any(v_weekdays) then
    v_weekdays := v_weekdays || 0;
  end if;
  v_either_day := v_fields[3] not like '*%' and v_fields[5] not like '*%';

  -- nearly always the clock does not change meanwhile, and its next reading that fits is the answer
  select coalesce(
    case
      when d.day > v_today then d.day + make_interval(hours => v_hours[1], mins => v_minutes[1])
      when v_hour = any(v_hours) then (
        select min(d.day + make_interval(hours => v_hour, mins => m.minute))
        from unnest(v_minutes) as m (minute)
        where m.minute > v_minute
      )
    end,
    (
      select min(d.day + make_interval(hours => h.hour, mins => v_minutes[1]))
      from unnest(v_hours) as h (hour)
      where h.hour > v_hour
    )
  )
  into v_next_wall
  from generate_series(v_today::timestamp, v_today + interval '7 days', interval '1 day') as d (day)
  where syncwell._cron_day(d.day, v_days, v_months, v_weekdays, v_either_day)
  order by 1
  limit 1;
  v_next := v_next_wall at time zone p_time_zone;
  if (
    select count(distinct (t.at at time zone p_time_zone) - (t.at at time zone 'UTC')) = 1
    from unnest(array[p_after - interval '3 hours', p_after, v_next, v_next + interval '3 hours']) as t (at)
    where v_next is not null
  ) then
    return v_next;
  end if;

  -- most schedules come round within days; 29 February may take eight years, twice that with a weekday
  foreach v_horizon in array array[8, 62, 15000] loop
    select min(fires.at) into v_next
    from (
      select d.day::date as day
      from generate_series((v_today - 1)::timestamp, (v_today + v_horizon)::timestamp, interval '1 day') as d (day)
      where syncwell._cron_day(d.day, v_days, v_months, v_weekdays, v_either_day)
      order by d.day
      -- yesterday and today may be over: the third day always holds one
      limit 4
    ) as days
    cross join unnest(v_hours) as h (hour)
    cross join unnest(v_minutes) as m (minute)
    cross join lateral (
      select days.day + make_interval(hours => h.hour, mins => m.minute) as wall
    ) as w
    cross join lateral (
      -- a wall time that the clock shows twice: a schedule by the hour fires both times, one at fixed hours the first
      -- time; one that it skips (that without a shift is always there) fires as much later
      select case when v_fields[2] like '*%' then t.instant else min(t.instant) over () end as at
      from (
        select (w.wall at time zone p_time_zone) + s.shift as instant
        from unnest(
          array['-2 hours', '-1 hour', '-30 minutes', '0', '30 minutes', '1 hour', '2 hours']::interval[]
        ) as s (shift)
        where s.shift = interval '0'
          or ((w.wall at time zone p_time_zone) + s.shift) at time zone p_time_zone = w.wall
      ) as t
    ) as fires
    where fires.at > p_after;
    exit when v_next is not null;
  end loop;
  return v_next;
end
$$;
comment on function syncwell._cron_next(text, text, timestamptz) is
'The first time after p_after at which the cron schedule fires by the clock of p_time_zone; NULL when it never does. '
'Days of month and week as in cron: where both are restricted either will do. Where the clock is put back, a schedule '
'with * hours fires through both hours and one at fixed hours once; where it is put forward, what falls into the gap '
'fires as much later as the gap is long. Errors: 22023.';
revoke all on function syncwell._cron_next(text, text, timestamptz) from public;
