create or replace function syncwell._refresh_days(
  p_org_ids uuid[],
  p_stream_ids uuid[],
  p_hours timestamptz[],
  p_now timestamptz
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_period text;
  v_from_period text := 'hour';
  v_org_ids uuid[];
  v_stream_ids uuid[];
  v_starts timestamptz[];
  v_ends timestamptz[];
  v_rebuilt uuid[];
begin
  -- a stream whose days begin elsewhere now gets all of them anew, as far back as there are hours
  with streams as (
    select distinct k.org_id, k.stream_id, coalesce(s.time_zone, o.time_zone) as time_zone
    from unnest(p_org_ids, p_stream_ids) as k (org_id, stream_id)
    join syncwell.streams as s on s.org_id = k.org_id and s.stream_id = k.stream_id
    join syncwell.orgs as o on o.org_id = s.org_id
  ),
  -- where midnight lies within an hour, days are no sum of hours: they are counted when asked for
  usable as (
    select s.* from streams as s where syncwell._begins_on_the_hour(s.time_zone, p_now)
  ),
  dropped as (
    delete from syncwell.sync_metrics_calendars as c
    using streams as s
    where c.org_id = s.org_id and c.stream_id = s.stream_id
      and not syncwell._begins_on_the_hour(s.time_zone, p_now)
  ),
  changed as (
    insert into syncwell.sync_metrics_calendars as c (org_id, stream_id, time_zone)
    select u.org_id, u.stream_id, u.time_zone from usable as u
    on conflict (org_id, stream_id) do update set time_zone = excluded.time_zone
    where c.time_zone <> excluded.time_zone
    returning c.stream_id
  )
  select coalesce(array_agg(c.stream_id), '{}') into v_rebuilt from changed as c;

  delete from syncwell.sync_metrics as m
  using (
    select h.org_id, h.stream_id, min(h.period_start) as oldest
    from syncwell.sync_metrics as h
    where h.org_id = any(p_org_ids) and h.stream_id = any(v_rebuilt) and h.period = 'hour'
    group by h.org_id, h.stream_id
  ) as k
  where m.org_id = k.org_id and m.stream_id = k.stream_id and m.period in ('day', 'week')
    and m.period_start > k.oldest - interval '7 days';

  foreach v_period in array array['day', 'week']
  loop
    with touched as (
      select k.org_id, k.stream_id, k.hour
      from unnest(p_org_ids, p_stream_ids, p_hours) as k (org_id, stream_id, hour)
      union
      select h.org_id, h.stream_id, h.period_start
      from syncwell.sync_metrics as h
      where h.org_id = any(p_org_ids) and h.stream_id = any(v_rebuilt) and h.period = 'hour'
    ),
    periods as (
      select distinct
        t.org_id, t.stream_id, c.time_zone, date_trunc(v_period, t.hour at time zone c.time_zone) as local_start
      from touched as t
      join syncwell.sync_metrics_calendars as c on c.org_id = t.org_id and c.stream_id = t.stream_id
    )
    select
      array_agg(p.org_id order by p.org_id, p.stream_id, p.local_start),
      array_agg(p.stream_id order by p.org_id, p.stream_id, p.local_start),
      array_agg(p.local_start at time zone p.time_zone order by p.org_id, p.stream_id, p.local_start),
      array_agg(
        (p.local_start + ('1 ' || v_period)::interval) at time zone p.time_zone
        order by p.org_id, p.stream_id, p.local_start
      )
    into v_org_ids, v_stream_ids, v_starts, v_ends
    from periods as p;
    perform syncwell._store_metrics(v_period, v_from_period, v_org_ids, v_stream_ids, v_starts, v_ends, p_now);
    v_from_period := v_period;
  end loop;
end
$$;
comment on function syncwell._refresh_days(uuid[], uuid[], timestamptz[], timestamptz) is
'Adds the hours of streams up to the days, and those to the weeks, in which the given hours lie. The arrays belong '
'together by position.';
revoke all on function syncwell._refresh_days(uuid[], uuid[], timestamptz[], timestamptz) from public;
