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
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_from timestamptz;
begin
  perform syncwell._check_period(p_period);
  v_from := syncwell._now()
    - make_interval(hours => case p_period when 'hour' then 1 when 'day' then 24 else 168 end);
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
  runs as (
    select
      h.source,
      count(*) as total,
      count(*) filter (where e.succeeded) as successful,
      count(*) filter (where e.failed) as failed,
      sum(e.items_processed) as items,
      avg(e.duration_ms) filter (where e.succeeded or e.failed) as average,
      percentile_disc(0.95) within group (order by e.duration_ms)
        filter (where (e.succeeded or e.failed) and e.duration_ms is not null) as p95
    from health as h
    cross join lateral (
      select
        r.duration_ms,
        r.items_processed,
        r.status in ('success', 'partial') as succeeded,
        r.status in ('failed', 'timeout') as failed
      from syncwell.sync_events as r
      where r.org_id = h.org_id
        and r.stream_id = h.stream_id
        and r.id >= syncwell._uuid7_floor(v_from)
      offset 0
    ) as e
    group by h.source
  )
  select
    b.source,
    syncwell._status_of_rank(b.rank),
    b.streams,
    coalesce(r.total, 0),
    r.successful::numeric / nullif(r.successful + r.failed, 0),
    r.average::double precision,
    r.p95::double precision,
    r.items,
    b.last_success_at,
    round(b.freshness_score, 1),
    null::numeric
  from by_source as b
  left join runs as r on r.source = b.source
  order by b.source;
end
$$;
comment on function syncwell.compare_sources(text, uuid) is
'The sources beside each other over the last hour, 24 hours or 7 days (p_period hour, day or week; default day), by '
'name. p_user_id NULL = everything the caller may see. status: the worst of its streams; total_syncs: runs started '
'in that time; success_rate: 0 to 1, success and partial among those that succeeded or failed, NULL when none did; '
'durations in milliseconds, p95 by nearest rank; total_items_synced: items processed, NULL when never told; '
'last_success_at: of any stream; freshness_score: mean, 0 to 100, NULL = unknown; drift_percent: NULL = nothing '
'measures it. Errors: 22004, 22023 (p_period), SW001, SW002.';
revoke all on function syncwell.compare_sources(text, uuid) from public;
grant execute on function syncwell.compare_sources(text, uuid) to syncwell_client, syncwell_reader;
