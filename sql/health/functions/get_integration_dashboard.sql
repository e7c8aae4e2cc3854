create or replace function syncwell.get_integration_dashboard(
  p_source text default null,
  p_user_id uuid default null
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_document jsonb;
begin
  perform syncwell._note_access('get_integration_dashboard', p_user_id);
  with health as materialized (
    select h.*, syncwell._status_rank(h.status) as rank from syncwell._stream_health(p_source, p_user_id) as h
  ),
  totals as (
    select
      count(*) as streams,
      coalesce(syncwell._status_of_rank(max(h.rank)), 'unknown') as status,
      round(avg(h.score), 1) as score,
      max(h.last_sync_at) as last_sync_at,
      min(coalesce(h.next_sync_at, h.due_at)) as next_sync_at,
      -- what one stream never told is missing from the sum: then the sum is not known
      case when count(*) = count(h.items_in_database) then sum(h.items_in_database) end as items_in_database,
      (array_agg(h.last_duration_ms order by h.last_sync_at desc nulls last))[1] as last_duration_ms,
      max(h.consecutive_failures) as consecutive_failures,
      bool_and(h.is_healthy) as is_healthy
    from health as h
  ),
  runs as materialized (
    select
      r.*,
      lead(r.completed_at, 1, v_now) over (partition by r.stream_id order by r.completed_at, r.event_id)
      - r.completed_at as until_next
    from (select h.org_id, array_agg(h.stream_id) as ids from health as h group by h.org_id) as s
    cross join lateral syncwell._recent_runs(s.org_id, s.ids, 100) as r
  ),
  sample as (
    select
      count(*) as runs,
      count(*) filter (where r.status in ('success', 'partial'))::numeric / nullif(count(*), 0) as success_rate,
      avg(r.duration_ms)::double precision as average_duration_ms,
      percentile_disc(0.95) within group (order by r.duration_ms) as p95_duration_ms,
      extract(epoch from sum(r.until_next) filter (where r.status in ('success', 'partial')))
      / nullif(extract(epoch from sum(r.until_next)), 0) as uptime,
      min(r.started_at) as since
    from runs as r
  ),
  frequency as (
    -- each stream's own pace over its own sample, added up; runs of less than an hour say nothing about a day
    select sum(f.per_day) as per_day
    from (
      select
        case
          when max(r.started_at) - min(r.started_at) >= interval '1 hour'
            then (count(*) - 1) * 86400 / extract(epoch from max(r.started_at) - min(r.started_at))
        end as per_day
      from runs as r
      group by r.stream_id
    ) as f
  ),
  recent as (
    select jsonb_agg(to_jsonb(e) order by e.started_at desc, e.event_id desc) as activity
    from (
      select
        r.event_id, r.source, r.sync_type, r.status, r.started_at, r.completed_at,
        r.duration_ms, r.items_processed, r.error_type
      from runs as r
      order by r.event_id desc
      limit 10
    ) as e
  ),
  counts as (
    select
      (
        select count(*)
        from health as h
        join syncwell.sync_errors as e
          on e.org_id = h.org_id and e.stream_id = h.stream_id and e.resolved_at is null
      ) as active_errors,
      (
        select count(*) from syncwell._stream_issues(p_source, p_user_id) as i where i.severity = 'critical'
      ) as alerts
  )
  select jsonb_build_object(
    'source', p_source,
    'computed_at', v_now,
    'overview', jsonb_build_object(
      'status', t.status,
      'score', t.score,
      'streams', t.streams,
      'last_sync_at', t.last_sync_at,
      'next_sync_at', t.next_sync_at,
      'uptime', round(s.uptime, 4),
      'items_in_database', t.items_in_database
    ),
    'performance', jsonb_build_object(
      'sample_size', s.runs,
      'sample_since', s.since,
      'last_duration_ms', t.last_duration_ms,
      'average_duration_ms', s.average_duration_ms,
      'p95_duration_ms', s.p95_duration_ms,
      'syncs_per_day', round(f.per_day, 2),
      'success_rate', s.success_rate
    ),
    'health', jsonb_build_object(
      'is_healthy', t.is_healthy,
      'consecutive_failures', t.consecutive_failures,
      'active_errors', c.active_errors,
      'alerts', c.alerts
    ),
    'recent_activity', coalesce(r.activity, '[]')
  )
  into v_document
  from totals as t
  cross join sample as s
  cross join frequency as f
  cross join recent as r
  cross join counts as c
  where t.streams > 0 or p_source is null;
  return v_document;
end
$$;
comment on function syncwell.get_integration_dashboard(text, uuid) is
'All about a source in one document; p_source NULL = all of them together; p_user_id NULL = everything the caller '
'may see; NULL when no stream matches p_source. overview: status (the worst stream''s), score (mean, 0 to 100), '
'streams, last_sync_at, next_sync_at (expected first), uptime (0 to 1: share of the time since the first run of the '
'sample in which the last run of the stream had succeeded), items_in_database (from what runs told; null unless all '
'streams did); performance: sample_size and sample_since (the newest 100 runs of each stream that ended with an '
'outcome), last_duration_ms, average_duration_ms, p95_duration_ms, syncs_per_day, success_rate (0 to 1); health: '
'is_healthy, consecutive_failures (the most of any stream), active_errors (not resolved), alerts (critical issues); '
'recent_activity: the newest 10 runs of the sample. What is not known is null. Asking about another user is written '
'to the access log. Errors: SW001, SW002, 25006 (another user, in a read-only transaction).';
revoke all on function syncwell.get_integration_dashboard(text, uuid) from public;
grant execute on function syncwell.get_integration_dashboard(text, uuid) to syncwell_client, syncwell_reader;
