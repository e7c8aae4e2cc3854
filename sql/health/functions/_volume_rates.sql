create or replace function syncwell._volume_rates(
  p_counts double precision[],
  p_slots integer[]
)
returns real[]
language sql immutable security invoker parallel safe
as $$
  with hours as materialized (
    select h.volume, h.slot % 24 as hour, h.slot / 24 as day
    from unnest(p_counts, p_slots) as h (volume, slot)
    where h.volume is not null
  ),
  cut as materialized (
    select h.hour, h.day, least(h.volume, c.ceiling) as volume
    from hours as h
    cross join (
      select greatest(1, percentile_cont(0.99) within group (order by x.volume)) as ceiling from hours as x
    ) as c
  ),
  by_hour as materialized (
    select c.hour, avg(c.volume) as rate from cut as c group by c.hour
  ),
  by_day as (
    select c.day, sum(c.volume) / nullif(sum(b.rate), 0) as factor
    from cut as c
    join by_hour as b on b.hour = c.hour
    group by c.day
  )
  select array_agg((coalesce(b.rate, 0) * coalesce(d.factor, 1))::real order by s.slot)
  from generate_series(0, 167) as s (slot)
  left join by_hour as b on b.hour = s.slot % 24
  left join by_day as d on d.day = s.slot / 24
$$;
comment on function syncwell._volume_rates(double precision[], integer[]) is
'The mean volume of each hour of the week: mean by hour of the day times a factor by day of the week, so that few '
'items are enough; counts above their 99 % quantile are cut to it. p_counts: volumes of hours that follow each other, '
'NULL = left out; p_slots: their hours of the week.';
revoke all on function syncwell._volume_rates(double precision[], integer[]) from public;
