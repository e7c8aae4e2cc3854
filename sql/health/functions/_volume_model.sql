create or replace function syncwell._volume_model(
  p_counts double precision[],
  p_slots integer[],
  p_hours_that_set_limits integer default null,
  out history_hours integer,
  out upper real[],
  out lower real[],
  out rates real[],
  out surge_quantiles double precision[],
  out surge_scales double precision[],
  out drop_limits double precision[],
  out gap_hours integer,
  out gap_mass double precision,
  out surge_record double precision,
  out recent_surges double precision[],
  out empty_hours integer,
  out empty_mass double precision
)
language plpgsql immutable security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_total constant integer := cardinality(p_counts);
  v_limiting constant integer := coalesce(p_hours_that_set_limits, v_total);
  v_counts double precision[] := p_counts;
  v_masses double precision[];
  v_firsts integer[];
  v_lasts integer[];
  v_holes integer := 0;
begin
  -- the second time without the outages of the past
  for v_round in 1..2 loop
    rates := syncwell._volume_rates(v_counts, p_slots);
    -- times without an item; the one that lasts is no record yet
    with hours as (
      select
        h.n, h.volume, rates[h.slot + 1] as rate, count(*) filter (where h.volume > 0) over (order by h.n) as run,
        count(*) filter (where h.volume > 0) over () as last_run
      from unnest(v_counts, p_slots) with ordinality as h (volume, slot, n)
      where h.volume is not null
    ),
    runs as materialized (
      select
        h.run = h.last_run as lasts, min(h.n)::integer as first, max(h.n)::integer as last, count(*)::integer as hours,
        sum(h.rate) as mass
      from hours as h
      where h.volume = 0
      group by h.run, h.last_run
    ),
    longest as (
      select r.* from runs as r where not r.lasts order by r.mass desc limit 4
    )
    select
      coalesce(max(r.hours) filter (where not r.lasts), 0),
      coalesce(max(r.mass) filter (where not r.lasts), 0),
      coalesce(max(r.hours) filter (where r.lasts), 0),
      coalesce(max(r.mass) filter (where r.lasts), 0),
      (select array_agg(l.mass order by l.mass desc) from longest as l),
      (select array_agg(l.first order by l.mass desc) from longest as l),
      (select array_agg(l.last order by l.mass desc) from longest as l)
    into gap_hours, gap_mass, empty_hours, empty_mass, v_masses, v_firsts, v_lasts
    from runs as r;
    -- so much longer than the others that they are no habit of the source
    exit when v_round = 2;
    while v_holes < 3
      and v_lasts[v_holes + 1] - v_firsts[v_holes + 1] >= 2
      and v_masses[v_holes + 1] >= 18.4
      and v_masses[v_holes + 1] > 2 * greatest(coalesce(v_masses[v_holes + 2], 0), 9.2)
    loop
      v_holes := v_holes + 1;
    end loop;
    exit when v_holes = 0;
    v_counts := array(
      select
        case
          when exists (
            select from unnest(v_firsts[:v_holes], v_lasts[:v_holes]) as o (first, last)
            where h.n between o.first and o.last
          ) then null
          else h.volume
        end
      from unnest(v_counts) with ordinality as h (volume, n)
      order by h.n
    );
  end loop;

  with hours as materialized (
    select h.n::integer as n, h.volume, h.slot, h.slot % 24 as hour, h.n > v_total - 672 as is_recent
    from unnest(v_counts, p_slots) with ordinality as h (volume, slot, n)
  ),
  by_slot as materialized (
    select h.slot, array_agg(h.volume order by h.volume) as sorted, count(*)::integer as n
    from hours as h
    where h.volume is not null
    group by h.slot
  ),
  by_hour as materialized (
    select h.hour, array_agg(h.volume order by h.volume) as sorted, count(*)::integer as n
    from hours as h
    where h.volume is not null and h.is_recent
    group by h.hour
  ),
  ranked as (
    select
      h.n, h.volume, h.slot, h.hour, h.is_recent,
      row_number() over (partition by h.slot order by h.volume)::integer as slot_rank,
      row_number() over (partition by h.hour, h.is_recent order by h.volume)::integer as hour_rank
    from hours as h
    where h.volume is not null
  ),
  -- each hour is judged by the medians of the others: of n sorted values without the one of rank r
  medians as (
    select
      r.n, r.volume,
      case
        when s.n > 1 then
          (s.sorted[s.n / 2 + (s.n / 2 >= r.slot_rank)::integer]
            + s.sorted[(s.n + 1) / 2 + ((s.n + 1) / 2 >= r.slot_rank)::integer]) / 2
      end as of_slot,
      case
        when not r.is_recent then (d.sorted[(d.n + 1) / 2] + d.sorted[d.n / 2 + 1]) / 2
        when d.n > 1 then
          (d.sorted[d.n / 2 + (d.n / 2 >= r.hour_rank)::integer]
            + d.sorted[(d.n + 1) / 2 + ((d.n + 1) / 2 >= r.hour_rank)::integer]) / 2
      end as of_hour
    from ranked as r
    join by_slot as s on s.slot = r.slot
    left join by_hour as d on d.hour = r.hour
  ),
  expected as (
    select
      h.n, coalesce(h.volume, 0) as a,
      coalesce(greatest(m.of_slot, m.of_hour), 0) as u,
      coalesce(least(m.of_slot, m.of_hour), 0) as l
    from hours as h
    left join medians as m on m.n = h.n
  ),
  sums as (
    select
      e.n, e.a as a1, e.u as u1, e.l as l1,
      sum(e.a) over six as a6, sum(e.u) over six as u6, sum(e.l) over six as l6,
      sum(e.a) over day as a24, sum(e.u) over day as u24, sum(e.l) over day as l24
    from expected as e
    window
      six as (order by e.n rows 5 preceding),
      day as (order by e.n rows 23 preceding)
  ),
  seen as (
    select
      s.n, s.u1, s.l1, s.u6, s.l6, s.u24, s.l24,
      syncwell._volume_distance(s.a1) as f1,
      syncwell._volume_distance(s.a6) as f6,
      syncwell._volume_distance(s.a24) as f24
    from sums as s
  ),
  distances as materialized (
    select
      s.n,
      s.f1 - syncwell._volume_distance(s.u1) as r1,
      case when s.n >= 6 then s.f6 - syncwell._volume_distance(s.u6) end as r6,
      case when s.n >= 24 then s.f24 - syncwell._volume_distance(s.u24) end as r24,
      syncwell._volume_distance(s.l1) - s.f1 as d1,
      syncwell._volume_distance(s.l6) - s.f6 as d6,
      syncwell._volume_distance(s.l24) - s.f24 as d24
    from seen as s
  ),
  drops as materialized (
    select array_agg(d.d1 order by d.n) as d1 from distances as d
  ),
  quantiles as materialized (
    select
      array[
        greatest(1, percentile_cont(0.99) within group (order by abs(d.r1))),
        greatest(1, percentile_cont(0.99) within group (order by abs(d.r6))),
        greatest(1, percentile_cont(0.99) within group (order by abs(d.r24)))
      ] as q,
      percentile_cont(0.5) within group (order by d.r1) as m1,
      percentile_cont(0.5) within group (order by d.r6) as m6,
      percentile_cont(0.5) within group (order by d.r24) as m24
    from distances as d
  ),
  scales as (
    select
      array[
        greatest(1, 1.4826 * percentile_cont(0.5) within group (order by abs(d.r1 - q.m1))),
        greatest(1, 1.4826 * percentile_cont(0.5) within group (order by abs(d.r6 - q.m6))),
        greatest(1, 1.4826 * percentile_cont(0.5) within group (order by abs(d.r24 - q.m24)))
      ] as s
    from distances as d
    cross join quantiles as q
  ),
  surges as (
    select
      d.n,
      (greatest(d.r1, 0) / q.q1 + greatest(d.r6, 0) / q.q6 + greatest(d.r24, 0) / q.q24) / 3 as u
    from distances as d
    cross join (select x.q[1] as q1, x.q[2] as q6, x.q[3] as q24 from quantiles as x offset 0) as q
  ),
  records as (
    select
      coalesce(max(s.u * exp((s.n - 1 - v_total) / 336.0)) filter (where s.n <= v_total - 6), 0) as record,
      array_agg(s.u order by s.n) filter (where s.n > v_total - 6) as recent
    from surges as s
  ),
  -- the typical hour of a day moves so little that every third is enough
  falls as materialized (
    select v.kind, d.n, v.fall
    from distances as d
    cross join lateral (
      values (1, d.d1, 1), (2, d.d6, 6), (3, d.d24, 24)
    ) as v (kind, fall, hours)
    where d.n > v.hours and d.n <= v_limiting
    union all
    select 4, g.n, (
      select percentile_cont(0.5) within group (order by x.d) from unnest(d.d1[g.n - 23:g.n]) as x (d)
    )
    from drops as d
    cross join generate_series(24 + v_limiting % 3, v_limiting, 3) as g (n)
  ),
  worst as materialized (
    select f.kind, min(f.n) as n
    from falls as f
    join (select x.kind, max(x.fall) as fall from falls as x group by x.kind) as w
      on w.kind = f.kind and w.fall = f.fall
    group by f.kind
  ),
  -- the worst but one: a single bad time in the past excuses nothing
  seconds as (
    select w.kind, coalesce(max(f.fall) filter (where abs(f.n - w.n) > 72), 0) as fall
    from worst as w
    join falls as f on f.kind = w.kind
    group by w.kind
  ),
  limits as (
    select
      -- little history knows little of what is usual
      array_agg((1 + 168.0 / v_total) * greatest(k.least, k.factor * coalesce(s.fall, 0)) order by k.kind) as fall
    from (values (1, 3.5, 2.0), (2, 3.0, 2.0), (3, 2.5, 2.0), (4, 2.0, 1.25)) as k (kind, least, factor)
    left join seconds as s on s.kind = k.kind
  ),
  week as (
    select
      array_agg(greatest(e.of_slot, e.of_hour)::real order by e.slot) as upper,
      array_agg(least(e.of_slot, e.of_hour)::real order by e.slot) as lower
    from (
      select
        w.slot,
        case when s.n > 1 then (s.sorted[(s.n + 1) / 2] + s.sorted[s.n / 2 + 1]) / 2 end as of_slot,
        coalesce((d.sorted[(d.n + 1) / 2] + d.sorted[d.n / 2 + 1]) / 2, 0) as of_hour
      from generate_series(0, 167) as w (slot)
      left join by_slot as s on s.slot = w.slot
      left join by_hour as d on d.hour = w.slot % 24
    ) as e
  )
  select
    (select count(*) from hours as h where h.volume is not null), w.upper, w.lower, q.q, s.s, l.fall, r.record, r.recent
  into
    history_hours, upper, lower, surge_quantiles, surge_scales, drop_limits, surge_record, recent_surges
  from week as w
  cross join quantiles as q
  cross join scales as s
  cross join limits as l
  cross join records as r;
end
$$;
revoke all on function syncwell._volume_model(double precision[], integer[], integer) from public;
comment on function syncwell._volume_model(double precision[], integer[], integer) is
'What is usual, learned from volumes of hours that follow each other (p_counts, NULL = left out, p_slots: their hours '
'of the week), of eight weeks at most. p_hours_that_set_limits: only so many of them, from the first on, make '
'drop_limits (those before what is found now); NULL: all. upper, lower: the greater and the lesser of the medians of '
'the same hour of the day (28 days) and of the same hour of the week; hours of the past are compared with the medians '
'of the others. On the scale of _volume_distance(), over 1, 6 and 24 hours: surge_quantiles: 99 % quantile of the '
'distance from upper; surge_scales: 1.4826 times its median absolute deviation; each at least 1. drop_limits: twice '
'the second worst distance below lower (farther than 72 hours from the worst), at least 3.5, 3 and 2.5, and for the '
'median of 24 hourly ones 1.25 times, at least 2; all times 1 + 1 / weeks of history. surge_record: the mean over the '
'windows of distance / quantile, at its greatest until 6 hours ago, faded by e in 336 hours; recent_surges: that of '
'the last 6 hours. Times without an item: gap_hours, gap_mass (items expected in them) of the longest that ended; of '
'the one that lasts: empty_hours, empty_mass. Outages in the past (3 hours, 18.4 items expected, and more than twice '
'the next) are left out of everything.';
