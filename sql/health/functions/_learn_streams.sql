create or replace function syncwell._learn_streams(
  p_org_id uuid,
  p_force boolean default false
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_from constant timestamptz := v_now - interval '672 hours';
  v_learned bigint;
begin
  with due as materialized (
    select
      s.stream_id, s.user_id, s.source, coalesce(s.time_zone, o.time_zone) as time_zone, x.stream_id is null as is_new
    from syncwell.streams as s
    join syncwell.orgs as o on o.org_id = s.org_id
    left join syncwell.stream_states as x on x.org_id = s.org_id and x.stream_id = s.stream_id
    where s.org_id = p_org_id
      and s.retired_at is null
      and (p_force or coalesce(x.learned_at <= v_now - interval '20 hours', true))
  ),
  successes as (
    select
      d.stream_id, e.completed_at,
      lag(e.completed_at) over (partition by d.stream_id order by e.completed_at) as previous_at
    from due as d
    cross join lateral (
      select r.completed_at
      from syncwell.sync_events as r
      where r.org_id = p_org_id
        and r.stream_id = d.stream_id
        and r.id >= syncwell._uuid7_floor(v_from)
        and r.status in ('success', 'partial')
        -- not what a clock that was wrong put ahead
        and r.completed_at <= v_now
      order by r.id desc
      -- one every eight minutes; what succeeds more often than that shows its pace in fewer days
      limit 5000
    ) as e
  ),
  left_out as materialized (
    select p.stream_id, p.starts_at, coalesce(p.ends_at, 'infinity') as ends_at
    from syncwell.stream_periods as p
    join due as d on d.stream_id = p.stream_id
    where p.org_id = p_org_id and p.overlay in ('paused', 'excluded', 'blind') and coalesce(p.ends_at, v_now) > v_from
  ),
  gaps as (
    select s.stream_id, extract(epoch from s.completed_at - s.previous_at) as seconds
    from successes as s
    where s.previous_at < s.completed_at
      and not exists (
        select from left_out as l
        where l.stream_id = s.stream_id and l.starts_at < s.completed_at and l.ends_at > s.previous_at
      )
  ),
  shares as (
    select
      g.stream_id, g.seconds,
      sum(g.seconds) over (partition by g.stream_id order by g.seconds) as upto,
      sum(g.seconds) over (partition by g.stream_id) as total,
      count(*) over (partition by g.stream_id) as gaps
    from gaps as g
  ),
  intervals as (
    select h.stream_id, make_interval(secs => ceil(min(h.seconds))::double precision) as learned
    from shares as h
    where h.gaps >= 10 and h.total >= 2 * 86400 and h.upto >= 0.9 * h.total
    group by h.stream_id
  ),
  -- days are a twenty-fourth of the rows; where they begin within an hour of UTC nobody keeps them
  calendars as (
    select
      z.time_zone, z.stream_ids,
      case when syncwell._begins_on_the_hour(z.time_zone, v_now) then 'day' else 'hour' end as period,
      date_trunc('day', v_now at time zone z.time_zone) as today
    from (select d.time_zone, array_agg(d.stream_id) as stream_ids from due as d group by d.time_zone) as z
  ),
  durations as materialized (
    select m.stream_id, m.durations
    from calendars as c
    cross join lateral syncwell._metric_rows(
      p_org_id, c.stream_ids, c.period,
      (c.today - interval '27 days') at time zone c.time_zone,
      (c.today + interval '1 day') at time zone c.time_zone,
      c.time_zone
    ) as m
    where (m.durations).maximum is not null
  ),
  buckets as (
    select m.stream_id, b.index, sum(b.n)::bigint as n
    from durations as m
    cross join lateral unnest((m.durations).indexes, (m.durations).counts) as b (index, n)
    group by m.stream_id, b.index
  ),
  sketches as (
    select b.stream_id, array_agg(b.index) as indexes, array_agg(b.n) as counts, sum(b.n)::bigint as runs
    from buckets as b
    group by b.stream_id
  ),
  usual as (
    select
      m.stream_id,
      sum((m.durations).zeros)::bigint + coalesce(min(s.runs), 0) as runs,
      ceil((
        syncwell._sketch_quantiles(
          row(
            sum((m.durations).zeros)::bigint, min(s.indexes), min(s.counts),
            min((m.durations).minimum), max((m.durations).maximum)
          )::syncwell.sketch,
          array[0.95]
        )
      )[1])::bigint as duration_ms
    from durations as m
    left join sketches as s on s.stream_id = m.stream_id
    group by m.stream_id
  ),
  -- of what happened two days ago all has come: newer events are those that came quickly
  events as (
    select d.stream_id, greatest(e.received_at - e.occurred_at, '0') as delay
    from due as d
    cross join lateral (
      -- neither IS NOT DISTINCT FROM nor OR finds its way through one index
      (
        select x.received_at, x.occurred_at
        from syncwell.data_events as x
        where x.org_id = p_org_id
          and x.user_id = d.user_id
          and x.source = d.source
          and x.occurred_at >= v_from
          and x.occurred_at < v_now - interval '48 hours'
          and x.data_source is distinct from 'mock'
        order by x.occurred_at desc
        limit 2000
      )
      union all
      (
        select x.received_at, x.occurred_at
        from syncwell.data_events as x
        where x.org_id = p_org_id
          and d.user_id is null
          and x.user_id is null
          and x.source = d.source
          and x.occurred_at >= v_from
          and x.occurred_at < v_now - interval '48 hours'
          and x.data_source is distinct from 'mock'
        order by x.occurred_at desc
        limit 2000
      )
    ) as e
    where exists (
      select from syncwell.event_hours as h where h.org_id = p_org_id and h.stream_id = d.stream_id
    )
  ),
  delays as (
    select e.stream_id, percentile_disc(0.95) within group (order by e.delay) as delay
    from events as e
    group by e.stream_id
  ),
  learned as materialized (
    select
      d.stream_id, d.user_id, d.source, d.is_new, i.learned, u.duration_ms, coalesce(u.runs, 0) as runs, y.delay
    from due as d
    left join delays as y on y.stream_id = d.stream_id
    left join intervals as i on i.stream_id = d.stream_id
    left join usual as u on u.stream_id = d.stream_id
  ),
  -- in one order, and who writes such a row now is not waited for: it is learned the next time
  locked as materialized (
    select x.stream_id
    from syncwell.stream_states as x
    where x.org_id = p_org_id and x.stream_id in (select l.stream_id from learned as l where not l.is_new)
    order by x.stream_id
    for no key update skip locked
  ),
  updated as (
    update syncwell.stream_states as x
    set
      learned_at = v_now,
      learned_interval = l.learned,
      usual_duration_ms = l.duration_ms,
      usual_runs = l.runs,
      usual_delay = l.delay
    from learned as l
    join locked as k on k.stream_id = l.stream_id
    where x.org_id = p_org_id and x.stream_id = l.stream_id
    returning x.stream_id
  ),
  added as (
    insert into syncwell.stream_states (
      org_id, stream_id, user_id, source, learned_at, learned_interval, usual_duration_ms, usual_runs, usual_delay
    )
    select p_org_id, l.stream_id, l.user_id, l.source, v_now, l.learned, l.duration_ms, l.runs, l.delay
    from learned as l
    where l.is_new
    order by l.stream_id
    on conflict (org_id, stream_id) do nothing
    returning stream_id
  )
  select (select count(*) from updated) + (select count(*) from added) into v_learned;
  return v_learned;
end
$$;
comment on function syncwell._learn_streams(uuid, boolean) is
'Learns what is usual for the live streams of an org, from the last 28 days, and returns for how many. p_force: for '
'all; else for those that were not learned for 20 hours. learned_interval: the least gap between successes such that '
'90 % of the time lies in gaps no longer (so a phone that sleeps at night is expected after its night), of the newest '
'5 000 successes at most; NULL with fewer than 10 gaps or less than 2 days in them. Gaps that touch a pause, an '
'excluded time or one when nothing evaluated are left out, the one that lasts counts for nothing. usual_duration_ms: '
'95th percentile of the runs that succeeded or failed, within 1.083 %, from the days'' sketches; usual_runs: how '
'many. usual_delay: within which 95 % of the events arrived, of the newest 2 000 that happened two days ago or '
'before.';
revoke all on function syncwell._learn_streams(uuid, boolean) from public;
