create or replace function syncwell.compare_sources(
  p_period text default 'day',
  p_user_id uuid default null
)
returns table (
  source text,
  status text,
  streams bigint,
  total_syncs bigint,
  success_rate numeric,
  average_duration_ms double precision,
  p95_duration_ms double precision,
  total_items_synced numeric,
  last_success_at timestamptz,
  freshness_score numeric,
  drift_percent numeric
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_from timestamptz;
  v_whole timestamptz;
begin
  perform syncwell._note_access('compare_sources', p_user_id);
  perform syncwell._check_period(p_period);
  v_from := syncwell._now()
    - make_interval(hours => case p_period when 'hour' then 1 when 'day' then 24 else 168 end);
  v_whole := date_trunc('hour', v_from + interval '1 hour' - interval '1 microsecond', 'UTC');
  return query
  with health as materialized (
    select h.* from syncwell._stream_health(null, p_user_id) as h
  ),
  by_source as (
    select
      h.source,
      max(syncwell._status_rank(h.status)) as rank,
      count(*) as streams,
      max(h.last_success_at) as last_success_at,
      avg(h.freshness_score) as freshness_score
    from health as h
    group by h.source
  ),
  -- the first hour is cut by now, the others are whole
  parts as materialized (
    select h.source, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
    from health as h
    join (
      select m.stream_id, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
      from (select x.org_id, array_agg(x.stream_id) as stream_ids from health as x group by x.org_id) as s
      cross join lateral syncwell._metric_rows(s.org_id, s.stream_ids, 'hour', v_whole, 'infinity', null) as m
      union all
      select c.stream_id, c.total, c.successful, c.failed, c.items, c.duration_total, c.durations
      from (
        select
          array_agg(x.org_id) as org_ids,
          array_agg(x.stream_id) as stream_ids,
          array_agg(v_from) as starts,
          array_agg(v_whole) as ends
        from health as x
      ) as s
      cross join lateral syncwell._count_runs(s.org_ids, s.stream_ids, s.starts, s.ends) as c
      where v_from < v_whole
    ) as m on m.stream_id = h.stream_id
  ),
  buckets as (
    select p.source, b.index, sum(b.n)::bigint as n
    from parts as p
    cross join lateral unnest((p.durations).indexes, (p.durations).counts) as b (index, n)
    group by p.source, b.index
  ),
  sketches as (
    select b.source, array_agg(b.index order by b.index) as indexes, array_agg(b.n order by b.index) as counts
    from buckets as b
    group by b.source
  ),
  sums as (
    select
      p.source,
      sum(p.total)::bigint as total,
      sum(p.successful) as successful,
      sum(p.failed) as failed,
      sum(p.items) as items,
      sum(p.duration_total) / nullif(sum(p.successful + p.failed), 0) as average,
      sum((p.durations).zeros)::bigint as zeros,
      min((p.durations).minimum) as minimum,
      max((p.durations).maximum) as maximum
    from parts as p
    group by p.source
  ),
  runs as (
    select
      t.*,
      syncwell._sketch_quantiles(
        row(t.zeros, s.indexes, s.counts, t.minimum, t.maximum)::syncwell.sketch, array[0.95]
      ) as percentiles
    from sums as t
    left join sketches as s on s.source = t.source
  ),
  drifts as (
    select d.source, d.drift_percent
    from (select h.org_id, array_agg(h.stream_id) as stream_ids from health as h group by h.org_id) as s
    cross join lateral syncwell._source_drift(s.org_id, s.stream_ids) as d
  )
  select
    b.source,
    syncwell._status_of_rank(b.rank),
    b.streams,
    coalesce(r.total, 0),
    r.successful / nullif(r.successful + r.failed, 0),
    r.average::double precision,
    round(r.percentiles[1]::numeric, 1)::double precision,
    r.items,
    b.last_success_at,
    round(b.freshness_score, 1),
    d.drift_percent
  from by_source as b
  left join runs as r on r.source = b.source
  left join drifts as d on d.source = b.source
  order by b.source;
end
$$;
comment on function syncwell.compare_sources(text, uuid) is
'The sources beside each other over the last hour, 24 hours or 7 days (p_period hour, day or week; default day), by '
'name. p_user_id NULL = everything the caller may see. status: the worst of its streams; total_syncs: runs started '
'in that time; success_rate: 0 to 1, success and partial among those that succeeded or failed, NULL when none did; '
'durations in milliseconds, p95 by nearest rank, within 1.083 %; total_items_synced: items processed, NULL when '
'never told; last_success_at: of any stream; freshness_score: mean, 0 to 100, NULL = unknown; drift_percent: how far '
'the volume of the last 24 closed hours of its streams is from what is expected, NULL while that is not known. '
'Asking about another user is written to the access log. Errors: 22004, 22023 (p_period), SW001, SW002, 25006 '
'(another user, in a read-only transaction).';
revoke all on function syncwell.compare_sources(text, uuid) from public;
grant execute on function syncwell.compare_sources(text, uuid) to syncwell_client, syncwell_reader;
