create or replace function syncwell._volume_hours(
  p_org_id uuid,
  p_series_ids uuid[],
  p_from timestamptz[],
  p_to timestamptz[]
)
returns table (
  series_id uuid,
  counts double precision[],
  slots integer[],
  first_hour timestamptz
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- arrays are planned for as long as they are
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_from constant timestamptz := (select min(f) from unnest(p_from) as f);
  v_to constant timestamptz := (select max(t) from unnest(p_to) as t);
begin
  return query
  with series as materialized (
    select a.series_id, a.starts_at, a.ends_at
    from unnest(p_series_ids, p_from, p_to) as a (series_id, starts_at, ends_at)
  ),
  live as materialized (
    select
      s.stream_id, syncwell._volume_series_id(s.source, s.platform) as group_id,
      coalesce(s.time_zone, o.time_zone) as time_zone, o.time_zone as org_zone
    from syncwell.streams as s
    join syncwell.orgs as o on o.org_id = s.org_id
    where s.org_id = p_org_id and s.retired_at is null
  ),
  members as materialized (
    select x.series_id, l.stream_id, l.time_zone
    from series as x
    join live as l on l.stream_id = x.series_id
    union all
    select x.series_id, l.stream_id, l.org_zone
    from series as x
    join live as l on l.group_id = x.series_id
  ),
  sizes as materialized (
    select m.series_id, min(m.time_zone) as time_zone, count(*) as members from members as m group by m.series_id
  ),
  clocks as materialized (
    select z.time_zone, syncwell._volume_slots(v_from, v_to, z.time_zone) as slots
    from (select distinct s.time_zone from sizes as s) as z
  ),
  -- what delivers events is measured by these, from the first one on
  delivering as materialized (
    select i.stream_id, e.first_hour
    from (select distinct m.stream_id from members as m) as i
    cross join lateral (
      select min(h.hour) as first_hour
      from syncwell.event_hours as h
      where h.org_id = p_org_id and h.stream_id = i.stream_id
    ) as e
    where e.first_hour is not null
  ),
  rows as materialized (
    select m.stream_id, m.period_start, sum(coalesce(m.items, 0)) as items
    from (select array_agg(distinct x.stream_id) as stream_ids from members as x) as i
    cross join lateral syncwell._metric_rows(p_org_id, i.stream_ids, 'hour', v_from, v_to, null) as m
    left join delivering as d on d.stream_id = m.stream_id
    where i.stream_ids is not null and (d.stream_id is null or m.period_start < d.first_hour)
    group by m.stream_id, m.period_start
    union all
    select d.stream_id, h.hour, h.events
    from delivering as d
    cross join lateral (
      select e.hour, e.events
      from syncwell.event_hours as e
      where e.org_id = p_org_id and e.stream_id = d.stream_id and e.hour >= v_from and e.hour < v_to
      offset 0
    ) as h
  ),
  volumes as materialized (
    select
      m.series_id, (extract(epoch from r.period_start - v_from) / 3600)::integer + 1 as n,
      sum(r.items)::double precision as volume
    from members as m
    join rows as r on r.stream_id = m.stream_id
    group by m.series_id, 2
  ),
  -- a group is left out where more than a tenth of its streams are
  unseen as materialized (
    select u.series_id, u.n
    from (
      select m.series_id, m.stream_id, h.n
      from members as m
      join syncwell.stream_periods as p
        on p.org_id = p_org_id
        and p.stream_id = m.stream_id
        and p.overlay in ('paused', 'excluded', 'blind')
        and p.starts_at < v_to
        and coalesce(p.ends_at, 'infinity') > v_from
      cross join lateral generate_series(
        floor(extract(epoch from greatest(p.starts_at, v_from) - v_from) / 3600)::integer + 1,
        ceil(extract(epoch from least(coalesce(p.ends_at, v_to), v_to) - v_from) / 3600)::integer
      ) as h (n)
      group by m.series_id, m.stream_id, h.n
    ) as u
    join sizes as s on s.series_id = u.series_id
    group by u.series_id, u.n, s.members
    having 10 * count(*) > s.members
    union
    select x.series_id, h.n
    from syncwell.blind_periods as b
    cross join lateral generate_series(
      floor(extract(epoch from greatest(b.starts_at, v_from) - v_from) / 3600)::integer + 1,
      ceil(extract(epoch from least(b.ends_at, v_to) - v_from) / 3600)::integer
    ) as h (n)
    cross join series as x
    where b.org_id = p_org_id and b.starts_at < v_to and b.ends_at > v_from
  ),
  spine as (
    select x.series_id, h.n
    from series as x
    cross join lateral generate_series(
      (extract(epoch from x.starts_at - v_from) / 3600)::integer + 1,
      (extract(epoch from x.ends_at - v_from) / 3600)::integer
    ) as h (n)
  ),
  filled as (
    select
      p.series_id,
      array_agg(case when u.n is null then coalesce(v.volume, 0) end order by p.n) as counts,
      min(p.n) as first,
      max(p.n) as last,
      min(v.n) as first_known
    from spine as p
    left join volumes as v on v.series_id = p.series_id and v.n = p.n
    left join unseen as u on u.series_id = p.series_id and u.n = p.n
    group by p.series_id
  )
  select
    f.series_id, f.counts, c.slots[f.first:f.last], v_from + make_interval(hours => f.first_known - 1)
  from filled as f
  join sizes as s on s.series_id = f.series_id
  join clocks as c on c.time_zone = s.time_zone;
end
$$;
comment on function syncwell._volume_hours(uuid, uuid[], timestamptz[], timestamptz[]) is
'The volumes of series (streams, or all streams of a source and platform) of an org, each by hour from its p_from to '
'its p_to (whole hours in UTC, not included): items of the runs that were started in it, or, of streams of events '
'from the first of these on, events that happened in it, right at this moment. counts: NULL where the stream, or more '
'than a tenth of the streams, was paused, excluded or blind; slots: hours of the week by the clock of the stream, of '
'the org for several; first_hour: the first in which anything ran or happened, NULL: none. What has no live stream is '
'left out.';
revoke all on function syncwell._volume_hours(uuid, uuid[], timestamptz[], timestamptz[]) from public;
