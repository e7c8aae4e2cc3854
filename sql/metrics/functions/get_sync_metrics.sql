create or replace function syncwell.get_sync_metrics(
  p_source text default null,
  p_period text default 'hour',
  p_limit integer default 24,
  p_user_id uuid default null
)
returns table (
  metric_type text,
  period_start timestamptz,
  source text,
  total_syncs bigint,
  successful_syncs bigint,
  failed_syncs bigint,
  success_rate numeric,
  error_rate numeric,
  total_items_synced numeric,
  average_duration_ms double precision,
  p50_duration_ms double precision,
  p95_duration_ms double precision,
  p99_duration_ms double precision,
  last_updated timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_id uuid;
  v_stream_ids uuid[];
  v_zone text;
  v_first timestamptz;
begin
  perform syncwell._note_access('get_sync_metrics', p_user_id);
  perform syncwell._check_limit(p_limit);
  perform syncwell._check_period(p_period);

  -- one calendar for all rows: the streams' own where they share one, else the org's; hours are the same everywhere
  select
    o.org_id,
    array_agg(s.stream_id),
    case
      when p_period = 'hour' then 'UTC'
      when min(coalesce(s.time_zone, o.time_zone)) = max(coalesce(s.time_zone, o.time_zone))
        then min(coalesce(s.time_zone, o.time_zone))
      else o.time_zone
    end
  into v_org_id, v_stream_ids, v_zone
  from syncwell._visible_streams(p_source, p_user_id) as s
  join syncwell.orgs as o on o.org_id = s.org_id
  group by o.org_id;
  if v_org_id is null then
    return;
  end if;
  v_first := (
    date_trunc(p_period, v_now at time zone v_zone) - (p_limit - 1) * ('1 ' || p_period)::interval
  ) at time zone v_zone;

  return query
  with parts as materialized (
    select m.period_start, s.source, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
    from syncwell._metric_rows(
      v_org_id, v_stream_ids, p_period, v_first,
      (date_trunc(p_period, v_now at time zone v_zone) + ('1 ' || p_period)::interval) at time zone v_zone, v_zone
    ) as m
    join syncwell.streams as s on s.org_id = v_org_id and s.stream_id = m.stream_id
  ),
  buckets as (
    select p.period_start, p.source, grouping(p.period_start) = 1 as is_summary, b.index, sum(b.n)::bigint as n
    from parts as p
    cross join lateral unnest((p.durations).indexes, (p.durations).counts) as b (index, n)
    group by grouping sets ((p.period_start, p.source, b.index), (b.index))
  ),
  sketches as (
    select
      b.period_start, b.source, b.is_summary,
      array_agg(b.index order by b.index) as indexes,
      array_agg(b.n order by b.index) as counts
    from buckets as b
    group by b.period_start, b.source, b.is_summary
  ),
  sums as (
    select
      p.period_start,
      p.source,
      grouping(p.period_start) = 1 as is_summary,
      coalesce(sum(p.total), 0)::bigint as total,
      coalesce(sum(p.successful), 0)::bigint as successful,
      coalesce(sum(p.failed), 0)::bigint as failed,
      sum(p.items) as items,
      sum(p.duration_total) / nullif(sum(p.successful + p.failed), 0) as average,
      sum((p.durations).zeros)::bigint as zeros,
      min((p.durations).minimum) as minimum,
      max((p.durations).maximum) as maximum
    from parts as p
    group by grouping sets ((p.period_start, p.source), ())
  ),
  totals as (
    select
      t.*,
      syncwell._sketch_quantiles(
        row(t.zeros, s.indexes, s.counts, t.minimum, t.maximum)::syncwell.sketch, array[0.5, 0.95, 0.99]
      ) as percentiles
    from sums as t
    left join sketches as s
      on s.is_summary = t.is_summary
      and (t.is_summary or (s.period_start = t.period_start and s.source = t.source))
  )
  select
    case when t.is_summary then 'summary' when p_period = 'day' then 'daily' else p_period || 'ly' end,
    t.period_start,
    case when t.is_summary then p_source else t.source end,
    t.total,
    t.successful,
    t.failed,
    t.successful::numeric / nullif(t.successful + t.failed, 0),
    t.failed::numeric / nullif(t.successful + t.failed, 0),
    t.items,
    t.average::double precision,
    round(t.percentiles[1]::numeric, 1)::double precision,
    round(t.percentiles[2]::numeric, 1)::double precision,
    round(t.percentiles[3]::numeric, 1)::double precision,
    v_now
  from totals as t
  order by t.is_summary, t.period_start desc, t.source;
end
$$;
comment on function syncwell.get_sync_metrics(text, text, integer, uuid) is
'How runs went per period and source, newest first, then one summary row (metric_type summary, period_start NULL) '
'over all of them. p_source NULL = all; p_period hour, day or week; p_limit = how many periods back, the current one '
'included (default 24, 1 to 1000); p_user_id NULL = everything the caller may see. A period in which nothing was '
'started has no row. Days and weeks (from Monday) begin at midnight of the streams'' time zone, or of the org''s '
'where they have several. total_syncs: runs started in the period, the open and cancelled ones too; '
'successful_syncs: success and partial; failed_syncs: failed and timeout; success_rate and error_rate: shares from 0 '
'to 1 of those two, NULL when neither happened; total_items_synced: items processed, NULL when never told; '
'durations: milliseconds of the runs that succeeded or failed, percentiles by nearest rank, within 1.083 % (merged '
'from sketches, never averaged), NULL without any; last_updated: as of when the figures are right, which is now: '
'what is not rolled up yet is counted. No rows when no stream matches. Asking about another user is written to the '
'access log. Errors: 22004, 22023 (p_period, p_limit), SW001, SW002, 25006 (another user, in a read-only '
'transaction).';
revoke all on function syncwell.get_sync_metrics(text, text, integer, uuid) from public;
grant execute on function syncwell.get_sync_metrics(text, text, integer, uuid) to syncwell_client, syncwell_reader;
