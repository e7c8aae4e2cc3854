create or replace function syncwell._merge_metrics(
  p_period text,
  p_org_ids uuid[],
  p_stream_ids uuid[],
  p_from timestamptz[],
  p_to timestamptz[]
)
returns table (
  org_id uuid,
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
  return query
  with parts as materialized (
    select
      k.org_id, k.stream_id, k.period_start,
      m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
    from unnest(p_org_ids, p_stream_ids, p_from, p_to) as k (org_id, stream_id, period_start, period_end)
    join syncwell.sync_metrics as m
      on m.org_id = k.org_id
      and m.stream_id = k.stream_id
      and m.period = p_period
      and m.period_start >= k.period_start
      and m.period_start < k.period_end
  ),
  totals as (
    select
      p.org_id, p.stream_id, p.period_start,
      sum(p.total)::bigint as total,
      sum(p.successful)::bigint as successful,
      sum(p.failed)::bigint as failed,
      sum(p.items) as items,
      sum(p.duration_total) as duration_total,
      sum((p.durations).zeros)::bigint as zeros,
      min((p.durations).minimum) as minimum,
      max((p.durations).maximum) as maximum
    from parts as p
    group by p.org_id, p.stream_id, p.period_start
  ),
  buckets as (
    select p.org_id, p.stream_id, p.period_start, b.index, sum(b.n)::bigint as n
    from parts as p
    cross join lateral unnest((p.durations).indexes, (p.durations).counts) as b (index, n)
    group by p.org_id, p.stream_id, p.period_start, b.index
  ),
  sketches as (
    select
      b.org_id, b.stream_id, b.period_start,
      array_agg(b.index order by b.index) as indexes,
      array_agg(b.n order by b.index) as counts
    from buckets as b
    group by b.org_id, b.stream_id, b.period_start
  )
  select
    t.org_id, t.stream_id, t.period_start, t.total, t.successful, t.failed, t.items, t.duration_total,
    case
      when t.maximum is not null then row(t.zeros, s.indexes, s.counts, t.minimum, t.maximum)::syncwell.sketch
    end
  from totals as t
  left join sketches as s on s.org_id = t.org_id and s.stream_id = t.stream_id and s.period_start = t.period_start;
end
$$;
comment on function syncwell._merge_metrics(text, uuid[], uuid[], timestamptz[], timestamptz[]) is
'Adds up the stored rows of one kind (hour, day) within spans, one row for each span with any: counts are summed, '
'sketches merged without loss. The arrays belong together by position.';
revoke all on function syncwell._merge_metrics(text, uuid[], uuid[], timestamptz[], timestamptz[]) from public;
