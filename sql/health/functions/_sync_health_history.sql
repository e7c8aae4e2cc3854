create or replace function syncwell._sync_health_history(
  p_user_id uuid default null,
  p_days integer default 7,
  p_source text default null
)
returns table (
  period text,
  period_start timestamptz,
  total_syncs bigint,
  successful_syncs bigint,
  failed_syncs bigint,
  success_rate numeric,
  total_items_synced numeric,
  p50_duration_ms double precision,
  p95_duration_ms double precision,
  score numeric,
  healthy_share numeric,
  late_share numeric,
  degraded_share numeric,
  unhealthy_share numeric,
  unknown_share numeric,
  paused_share numeric
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- its arrays look larger than they are, and compiling takes longer than all it does
set jit = off
as $$
declare
  c_nothing constant integer := -2147483648;
  -- the middle of a bucket by relative error is 2·b^(i+1) / (1 + b)
  c_base constant double precision := power(2::double precision, 1.0 / 32);
  v_now constant timestamptz := syncwell._now();
  v_period text := case when p_days <= 7 then 'hour' else 'day' end;
  v_org_id uuid;
  v_stream_ids uuid[];
  v_zone text;
  v_starts timestamptz[];
  v_end timestamptz;
begin
  perform syncwell._check_days(p_days);
  select s.org_id, array_agg(s.stream_id) into v_org_id, v_stream_ids
  from syncwell._visible_streams(p_source, p_user_id) as s
  group by s.org_id;
  if v_org_id is null then
    return;
  end if;
  if v_period = 'hour' then
    v_zone := 'UTC';
  else
    select o.time_zone into v_zone from syncwell.orgs as o where o.org_id = v_org_id;
  end if;
  select array_agg(g.local_start at time zone v_zone order by g.local_start) into v_starts
  from generate_series(
    date_trunc(v_period, v_now at time zone v_zone)
    - (case v_period when 'hour' then 24 * p_days else p_days end - 1) * ('1 ' || v_period)::interval,
    date_trunc(v_period, v_now at time zone v_zone),
    ('1 ' || v_period)::interval
  ) as g (local_start);
  v_end := (date_trunc(v_period, v_now at time zone v_zone) + ('1 ' || v_period)::interval) at time zone v_zone;

  return query
  with parts as materialized (
    select width_bucket(m.period_start, v_starts) as n, m.total, m.successful, m.failed, m.items, m.durations
    from syncwell._metric_rows(v_org_id, v_stream_ids, v_period, v_starts[1], v_end, v_zone) as m
  ),
  runs as (
    select
      p.n,
      sum(p.total)::bigint as total,
      sum(p.successful)::bigint as successful,
      sum(p.failed)::bigint as failed,
      sum(p.items) as items,
      min((p.durations).minimum) as minimum,
      max((p.durations).maximum) as maximum
    from parts as p
    group by p.n
  ),
  -- As _sketch_quantiles() does it, for all periods at once, at less than a quarter of the cost. Counts are exact as
  -- doubles; what took no time at all is a bucket below all others.
  buckets as (
    select u.n, u.index, sum(u.count::double precision) as count
    from (
      select
        p.n,
        unnest(c_nothing || (p.durations).indexes) as index,
        unnest((p.durations).zeros || (p.durations).counts) as count
      from parts as p
      where (p.durations).zeros is not null
    ) as u
    group by u.n, u.index
  ),
  ranks as (
    select b.n, b.index, sum(b.count) over (partition by b.n order by b.index rows unbounded preceding) as upto
    from buckets as b
  ),
  merged as (
    select
      r.n, array_agg(r.index order by r.index) as indexes, array_agg(r.upto order by r.index) as upto,
      max(r.upto) as total
    from ranks as r
    group by r.n
  ),
  -- the first bucket that reaches the rank: they are whole numbers
  percentiles as (
    select
      m.n,
      m.indexes[1 + width_bucket(greatest(1, ceil(0.5 * m.total)) - 0.5, m.upto)] as p50,
      m.indexes[1 + width_bucket(greatest(1, ceil(0.95 * m.total)) - 0.5, m.upto)] as p95
    from merged as m
  ),
  stretches as (
    select * from syncwell._state_stretches(v_org_id, v_stream_ids, v_starts[1], v_now)
  ),
  -- each stretch cut at the ends of the periods that it lies in
  pieces as (
    select
      c.n, c.kind, c.score,
      date_part('epoch', least(c.ends_at, v_starts[c.n + 1]) - greatest(c.starts_at, v_starts[c.n])) as seconds
    from (
      select
        generate_series(
          width_bucket(s.starts_at, v_starts), width_bucket(s.ends_at - interval '1 microsecond', v_starts)
        ) as n,
        case s.mode when 'paused' then s.mode else s.status end as kind, s.score,
        s.starts_at, s.ends_at
      from stretches as s
    ) as c
  ),
  -- scores are few, and a numeric takes long to become a number that is fast to add up
  sums as (
    select p.n, p.kind, p.score, sum(p.seconds) as seconds
    from pieces as p
    group by p.n, p.kind, p.score
  ),
  shares as (
    select
      t.n,
      sum(t.seconds * t.score::double precision) / nullif(sum(t.seconds) filter (where t.score is not null), 0) as score,
      sum(t.seconds) filter (where t.kind = 'healthy') as healthy,
      sum(t.seconds) filter (where t.kind = 'late') as late,
      sum(t.seconds) filter (where t.kind = 'degraded') as degraded,
      sum(t.seconds) filter (where t.kind = 'unhealthy') as unhealthy,
      sum(t.seconds) filter (where t.kind = 'paused') as paused,
      sum(t.seconds) filter (where t.kind <> 'unknown') as known
    from sums as t
    group by t.n
  )
  select
    v_period,
    k.period_start,
    coalesce(r.total, 0),
    coalesce(r.successful, 0),
    coalesce(r.failed, 0),
    r.successful::numeric / nullif(r.successful + r.failed, 0),
    r.items,
    case
      when q.p50 = c_nothing then 0
      else round(least(greatest(
        2 * power(c_base, q.p50 + 1) / (1 + c_base), r.minimum
      ), r.maximum)::numeric, 1)::double precision
    end,
    case
      when q.p95 = c_nothing then 0
      else round(least(greatest(
        2 * power(c_base, q.p95 + 1) / (1 + c_base), r.minimum
      ), r.maximum)::numeric, 1)::double precision
    end,
    round(h.score::numeric, 1),
    round((coalesce(h.healthy, 0) / w.seconds)::numeric, 6),
    round((coalesce(h.late, 0) / w.seconds)::numeric, 6),
    round((coalesce(h.degraded, 0) / w.seconds)::numeric, 6),
    round((coalesce(h.unhealthy, 0) / w.seconds)::numeric, 6),
    -- the rest
    1 - round((coalesce(h.known, 0) / w.seconds)::numeric, 6),
    round((coalesce(h.paused, 0) / w.seconds)::numeric, 6)
  from unnest(v_starts) with ordinality as k (period_start, n)
  left join runs as r on r.n = k.n
  left join percentiles as q on q.n = k.n
  left join shares as h on h.n = k.n
  cross join lateral (
    -- at its very first moment nothing of a period is over
    select coalesce(nullif(
      cardinality(v_stream_ids)
      * date_part('epoch', least(v_now, coalesce(v_starts[k.n + 1], v_end)) - k.period_start),
      0
    ), 1) as seconds
  ) as w
  order by k.n;
end
$$;
comment on function syncwell._sync_health_history(uuid, integer, text) is
'What get_sync_health_history() returns, as of the snapshot of the statement that asks: analyze_sync_health() puts '
'several together. Errors: SW001, SW002, 22004, 22023 (p_days).';
revoke all on function syncwell._sync_health_history(uuid, integer, text) from public;
