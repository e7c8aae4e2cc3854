create or replace function syncwell._metric_rows(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_period text,
  p_from timestamptz,
  p_to timestamptz,
  p_time_zone text
)
returns table (
  stream_id uuid,
  period_start timestamptz,
  total bigint,
  successful bigint,
  failed bigint,
  items numeric,
  duration_total numeric,
  durations syncwell.sketch
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_period = 'hour' then
    return query
    with dirty as materialized (
      select distinct d.stream_id, d.hour
      from syncwell.sync_metrics_dirty as d
      where d.org_id = p_org_id and d.stream_id = any(p_stream_ids) and d.hour >= p_from and d.hour < p_to
    ),
    spans as (
      select
        array_agg(p_org_id) as org_ids,
        array_agg(d.stream_id) as stream_ids,
        array_agg(d.hour) as starts,
        array_agg(d.hour + interval '1 hour') as ends
      from dirty as d
    )
    select m.stream_id, m.period_start, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
    from unnest(p_stream_ids) as s (stream_id)
    join syncwell.sync_metrics as m
      on m.org_id = p_org_id
      and m.stream_id = s.stream_id
      and m.period = 'hour'
      and m.period_start >= p_from
      and m.period_start < p_to
    where not exists (select from dirty as d where d.stream_id = m.stream_id and d.hour = m.period_start)
    union all
    select c.stream_id, c.period_start, c.total, c.successful, c.failed, c.items, c.duration_total, c.durations
    from spans as s
    cross join lateral syncwell._count_runs(s.org_ids, s.stream_ids, s.starts, s.ends) as c
    where s.stream_ids is not null;
    return;
  end if;

  if not syncwell._begins_on_the_hour(p_time_zone, p_to) then
    return query
    with spans as (
      select
        array_agg(p_org_id) as org_ids,
        array_agg(s.stream_id) as stream_ids,
        array_agg(p.local_start at time zone p_time_zone) as starts,
        array_agg((p.local_start + ('1 ' || p_period)::interval) at time zone p_time_zone) as ends
      from unnest(p_stream_ids) as s (stream_id)
      cross join generate_series(
        p_from at time zone p_time_zone, p_to at time zone p_time_zone - interval '1 second',
        ('1 ' || p_period)::interval
      ) as p (local_start)
    )
    select c.stream_id, c.period_start, c.total, c.successful, c.failed, c.items, c.duration_total, c.durations
    from spans as s
    cross join lateral syncwell._count_runs(s.org_ids, s.stream_ids, s.starts, s.ends) as c;
    return;
  end if;

  return query
  with dirty as materialized (
    select distinct
      d.stream_id, date_trunc(p_period, d.hour at time zone p_time_zone) at time zone p_time_zone as period_start
    from syncwell.sync_metrics_dirty as d
    where d.org_id = p_org_id and d.stream_id = any(p_stream_ids) and d.hour >= p_from and d.hour < p_to
  ),
  kept as materialized (
    select c.stream_id
    from syncwell.sync_metrics_calendars as c
    where c.org_id = p_org_id and c.stream_id = any(p_stream_ids) and c.time_zone = p_time_zone
  ),
  -- what is out of date, and all of streams whose days begin elsewhere: from their hours
  loose as (
    select d.stream_id, d.period_start as starts,
      (d.period_start at time zone p_time_zone + ('1 ' || p_period)::interval) at time zone p_time_zone as ends
    from dirty as d
    where d.stream_id in (select k.stream_id from kept as k)
    union all
    select s.stream_id, p_from, p_to
    from unnest(p_stream_ids) as s (stream_id)
    where s.stream_id not in (select k.stream_id from kept as k)
  )
  select m.stream_id, m.period_start, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
  from kept as k
  join syncwell.sync_metrics as m
    on m.org_id = p_org_id
    and m.stream_id = k.stream_id
    and m.period = p_period
    and m.period_start >= p_from
    and m.period_start < p_to
  where not exists (select from dirty as d where d.stream_id = m.stream_id and d.period_start = m.period_start)
  union all
  select
    h.stream_id, date_trunc(p_period, h.period_start at time zone p_time_zone) at time zone p_time_zone,
    h.total, h.successful, h.failed, h.items, h.duration_total, h.durations
  from (
    select l.starts, l.ends, array_agg(l.stream_id) as stream_ids from loose as l group by l.starts, l.ends
  ) as l
  cross join lateral syncwell._metric_rows(p_org_id, l.stream_ids, 'hour', l.starts, l.ends, null) as h;
end
$$;
comment on function syncwell._metric_rows(uuid, uuid[], text, timestamptz, timestamptz, text) is
'What ran on streams by hour, day or week, from p_from (a start of a period in p_time_zone) to p_to (not included), '
'right at this moment: stored rows where they are up to date, else counted anew. A period may come in several rows, to '
'be added up.';
revoke all on function syncwell._metric_rows(uuid, uuid[], text, timestamptz, timestamptz, text) from public;
