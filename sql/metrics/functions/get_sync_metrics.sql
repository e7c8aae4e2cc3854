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
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_id uuid;
  v_stream_ids uuid[];
  v_zone text;
  v_first timestamptz;
begin
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
  with runs as (
    select
      e.source::text as source,
      e.duration_ms,
      e.items_processed,
      e.status in ('success', 'partial') as succeeded,
      e.status in ('failed', 'timeout') as failed,
      date_trunc(p_period, e.started_at at time zone v_zone) at time zone v_zone as period_start
    from unnest(v_stream_ids) as s (stream_id)
    cross join lateral (
      select r.source, r.status, r.duration_ms, r.items_processed, r.started_at
      from syncwell.sync_events as r
      where r.org_id = v_org_id
        and r.stream_id = s.stream_id
        and r.id >= syncwell._uuid7_floor(v_first)
      offset 0
    ) as e
  ),
  totals as (
    select
      r.period_start,
      r.source,
      grouping(r.period_start) = 1 as is_summary,
      count(*) as total,
      count(*) filter (where r.succeeded) as successful,
      count(*) filter (where r.failed) as failed,
      sum(r.items_processed) as items,
      avg(r.duration_ms) filter (where r.succeeded or r.failed) as average,
      percentile_disc(array[0.5, 0.95, 0.99]) within group (order by r.duration_ms)
        filter (where (r.succeeded or r.failed) and r.duration_ms is not null) as percentiles
    from runs as r
    group by grouping sets ((r.period_start, r.source), ())
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
    t.percentiles[1]::double precision,
    t.percentiles[2]::double precision,
    t.percentiles[3]::double precision,
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
'durations: milliseconds of the runs that succeeded or failed, percentiles by nearest rank, NULL without any; '
'last_updated: how old the figures are. No rows when no stream matches. Errors: 22004, 22023 (p_period, p_limit), '
'SW001, SW002.';
revoke all on function syncwell.get_sync_metrics(text, text, integer, uuid) from public;
grant execute on function syncwell.get_sync_metrics(text, text, integer, uuid) to syncwell_client, syncwell_reader;
