create or replace function syncwell.get_sync_health_status(p_user_id uuid default null)
returns table (
  source text,
  status text,
  score numeric,
  freshness_score numeric,
  reliability_score numeric,
  queue_score numeric,
  drift_score numeric,
  speed_score numeric,
  last_sync_at timestamptz,
  last_success_at timestamptz,
  consecutive_failures integer,
  platform text,
  streams bigint,
  unknown_streams bigint,
  worst_source text,
  worst_stream_id uuid,
  reason text,
  advice text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  -- the hot path: as _stream_health() does it, but in one statement and without what is not shown
  with streams as materialized (
    select s.* from syncwell._visible_streams(null, p_user_id) as s
  ),
  context as materialized (
    select o.time_zone, h.settings, h.overrides
    from syncwell.orgs as o
    cross join lateral syncwell._health_settings(o.org_id) as h
    where o.org_id = (select s.org_id from streams as s limit 1)
  ),
  ranked as materialized (
    select
      s.source, s.stream_id, s.platform, h.status, h.score, h.freshness_score, h.reliability_score, h.queue_score,
      h.drift_score, h.speed_score, t.last_run_at, t.last_successful_sync, t.consecutive_failures, h.reason, h.advice,
      syncwell._status_rank(h.status) as rank,
      row_number() over (
        order by syncwell._status_rank(h.status) desc, h.score nulls last, s.source, s.stream_id
      ) as place
    from streams as s
    cross join context as c
    left join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
    cross join lateral syncwell._stream_status(
      row(
        s.expected_interval, s.cron, coalesce(s.time_zone, c.time_zone), s.registered_at, s.created_at,
        t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync,
        t.consecutive_failures, t.recent_outcomes, t.next_sync_at
      )::syncwell.stream_facts,
      syncwell._stream_settings(c.settings, c.overrides, s.source, s.platform),
      v_now
    ) as h
  ),
  grouped as (
    select
      r.source,
      avg(r.score) as score,
      avg(r.freshness_score) as freshness_score,
      avg(r.reliability_score) as reliability_score,
      avg(r.queue_score) as queue_score,
      avg(r.drift_score) as drift_score,
      avg(r.speed_score) as speed_score,
      max(r.last_run_at) as last_sync_at,
      max(r.last_successful_sync) as last_success_at,
      max(r.consecutive_failures) as consecutive_failures,
      case when min(r.platform) = max(r.platform) and count(*) = count(r.platform) then min(r.platform) end as platform,
      count(*) as streams,
      count(*) filter (where r.status = 'unknown') as unknown_streams,
      min(r.place) as place
    from ranked as r
    group by grouping sets ((r.source), ())
  )
  select
    g.source,
    coalesce(w.status, 'unknown'),
    round(g.score, 1),
    round(g.freshness_score, 1),
    round(g.reliability_score, 1),
    round(g.queue_score, 1),
    round(g.drift_score, 1),
    round(g.speed_score, 1),
    g.last_sync_at,
    g.last_success_at,
    g.consecutive_failures,
    g.platform,
    g.streams,
    g.unknown_streams,
    w.source,
    w.stream_id,
    case when w.status is null then 'there is no stream' else w.reason end,
    case
      when w.status is null then 'Run a sync, or declare a stream with register_stream.'
      else w.advice
    end
  from grouped as g
  left join ranked as w on w.place = g.place
  order by g.source is not null, w.rank desc, g.score, g.source;
end
$$;
comment on function syncwell.get_sync_health_status(uuid) is
'How syncing is: an overall row first (source NULL), then a row a source, the worst first. p_user_id NULL = '
'everything the caller may see. status: the worst of the streams behind the row (unknown < healthy < late < degraded '
'< unhealthy); unknown when there is no evidence, never healthy. score and its parts: means over those streams, 0 to '
'100, NULL = unknown (queue, drift and speed while nothing measures them). last_sync_at: when a run last ended; '
'last_success_at: when one last succeeded; consecutive_failures: the most of any stream; platform: NULL when not '
'known or not the same for all; streams: how many, unknown_streams: how many of them give no evidence; worst_source, '
'worst_stream_id: the stream that pulls it down; reason and advice: what is wrong with that one and what would make '
'it better. Reads maintained rows only: the cost does not grow with the history. Errors: SW001, SW002.';
revoke all on function syncwell.get_sync_health_status(uuid) from public;
grant execute on function syncwell.get_sync_health_status(uuid) to syncwell_client, syncwell_reader;
