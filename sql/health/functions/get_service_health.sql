create or replace function syncwell.get_service_health(
  p_source text default null,
  p_user_id uuid default null
)
returns table (
  source text,
  status text,
  score numeric,
  last_sync_at timestamptz,
  next_sync_at timestamptz,
  consecutive_failures integer,
  is_healthy boolean,
  success_rate numeric,
  average_duration_ms double precision,
  p95_duration_ms double precision,
  active_errors bigint,
  alerts bigint,
  streams bigint
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._note_access('get_service_health', p_user_id);
  return query
  with health as materialized (
    select h.* from syncwell._stream_health(p_source, p_user_id) as h
  ),
  by_source as (
    select
      h.source,
      max(syncwell._status_rank(h.status)) as rank,
      avg(h.score) as score,
      max(h.last_sync_at) as last_sync_at,
      min(coalesce(h.next_sync_at, h.due_at)) as next_sync_at,
      max(h.consecutive_failures) as consecutive_failures,
      bool_and(h.is_healthy) as is_healthy,
      count(*) as streams
    from health as h
    group by h.source
  ),
  runs as (
    select
      r.source,
      count(*) filter (where r.status in ('success', 'partial'))::numeric / count(*) as success_rate,
      avg(r.duration_ms)::double precision as average_duration_ms,
      percentile_disc(0.95) within group (order by r.duration_ms)::double precision as p95_duration_ms
    from (select h.org_id, array_agg(h.stream_id) as ids from health as h group by h.org_id) as s
    cross join lateral syncwell._recent_runs(s.org_id, s.ids, 100) as r
    group by r.source
  ),
  errors as (
    select h.source, count(*) as active
    from health as h
    join syncwell.sync_errors as e
      on e.org_id = h.org_id and e.stream_id = h.stream_id and e.resolved_at is null
    group by h.source
  ),
  issues as (
    select i.source, count(*) as critical
    from syncwell._stream_issues(p_source, p_user_id) as i
    where i.severity = 'critical'
    group by i.source
  )
  select
    b.source,
    syncwell._status_of_rank(b.rank),
    round(b.score, 1),
    b.last_sync_at,
    b.next_sync_at,
    b.consecutive_failures,
    b.is_healthy,
    r.success_rate,
    r.average_duration_ms,
    r.p95_duration_ms,
    coalesce(e.active, 0),
    coalesce(i.critical, 0),
    b.streams
  from by_source as b
  left join runs as r on r.source = b.source
  left join errors as e on e.source = b.source
  left join issues as i on i.source = b.source
  order by b.rank desc, b.score, b.source;
end
$$;
comment on function syncwell.get_service_health(text, uuid) is
'How each source is, the worst first. p_source NULL = all; p_user_id NULL = everything the caller may see. status: '
'the worst of its streams; score: their mean, 0 to 100, NULL = unknown; last_sync_at: when a run last ended; '
'next_sync_at: when the next one is expected first, NULL when nothing says; consecutive_failures: the most of any '
'stream; is_healthy: every stream has fewer failures in a row than runs.failure_threshold; success_rate (0 to 1), '
'average_duration_ms, p95_duration_ms (nearest rank): of the newest 100 runs of each stream that ended with an '
'outcome, NULL without any; active_errors: errors not resolved; alerts: critical issues of detect_sync_issues(); '
'streams: how many. No rows when no stream matches. Asking about another user is written to the access log. Errors: '
'SW001, SW002, 25006 (another user, in a read-only transaction).';
revoke all on function syncwell.get_service_health(text, uuid) from public;
grant execute on function syncwell.get_service_health(text, uuid) to syncwell_client, syncwell_reader;
