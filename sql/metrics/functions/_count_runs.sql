create or replace function syncwell._count_runs(
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
-- short probes of many partitions: compiling them takes longer than they do
set jit = off
as $$
begin
  return query
  with runs as (
    select
      k.org_id,
      k.stream_id,
      k.period_start,
      e.status in ('success', 'partial') as succeeded,
      e.status in ('failed', 'timeout') as failed,
      e.items_processed,
      case when e.status in ('success', 'partial', 'failed', 'timeout') then e.duration_ms end as duration_ms
    from unnest(p_org_ids, p_stream_ids, p_from, p_to) as k (org_id, stream_id, period_start, period_end)
    cross join lateral (
      select r.status, r.items_processed, r.duration_ms
      from syncwell.sync_events as r
      where r.org_id = k.org_id
        and r.stream_id = k.stream_id
        and r.id >= syncwell._uuid7_floor(k.period_start)
        and r.id < syncwell._uuid7_floor(k.period_end)
      offset 0
    ) as e
  ),
  totals as (
    select
      r.org_id, r.stream_id, r.period_start,
      count(*) as total,
      count(*) filter (where r.succeeded) as successful,
      count(*) filter (where r.failed) as failed,
      sum(r.items_processed) as items,
      sum(r.duration_ms) as duration_total,
      count(*) filter (where r.duration_ms = 0) as zeros,
      min(r.duration_ms) as minimum,
      max(r.duration_ms) as maximum
    from runs as r
    group by r.org_id, r.stream_id, r.period_start
  ),
  buckets as (
    select r.org_id, r.stream_id, r.period_start, syncwell._sketch_index(r.duration_ms) as index, count(*) as n
    from runs as r
    where r.duration_ms > 0
    group by r.org_id, r.stream_id, r.period_start, 4
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
comment on function syncwell._count_runs(uuid[], uuid[], timestamptz[], timestamptz[]) is
'Counts the runs of streams that were started in spans (from included, to not), one row for each span with any. The '
'arrays belong together by position.';
revoke all on function syncwell._count_runs(uuid[], uuid[], timestamptz[], timestamptz[]) from public;
