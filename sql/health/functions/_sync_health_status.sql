create or replace function syncwell._sync_health_status(p_user_id uuid default null)
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
  advice text,
  overlays text[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  -- the hot path: as _stream_health() does it, but in one statement and without what is not shown
  with streams as materialized (
    select s.* from syncwell._visible_streams(null, p_user_id) as s
  ),
  context as materialized (
    select c.* from syncwell._health_context((select s.org_id from streams as s limit 1)) as c
  ),
  ranked as materialized (
    select
      s.source, s.stream_id, s.platform, h.status, h.score, h.freshness_score, h.reliability_score, h.queue_score,
      h.drift_score, h.speed_score, t.last_run_at, t.last_successful_sync, t.consecutive_failures, h.reason, h.advice,
      p.is_paused, w.mode in ('exclude', 'mute') as is_maintained, x.is_flapping, c.is_unevaluated,
      syncwell._status_rank(h.status) as rank,
      row_number() over (
        order by syncwell._status_rank(h.status) desc, h.score nulls last, s.source, s.stream_id
      ) as place
    from streams as s
    cross join context as c
    left join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
    left join syncwell.stream_states as x on x.org_id = s.org_id and x.stream_id = s.stream_id
    cross join lateral (
      select
        case
          when c.overrides is null then c.limits
          else syncwell._stream_limits(c.limits, c.overrides, s.source, s.platform)
        end as limits,
        case
          when c.windows is not null then syncwell._window_mode(c.windows, s.source, s.user_id, s.platform)
        end as mode
      -- worked out once, not for each mention
      offset 0
    ) as w
    cross join lateral (
      select coalesce(w.mode = 'pause' or x.expect_from = 'infinity', false) as is_paused
    ) as p
    cross join lateral syncwell._stream_status(
      row(
        s.expected_interval, s.cron, coalesce(s.time_zone, c.time_zone), s.active_hours, s.registered_at, s.created_at,
        t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync, t.last_duration_ms,
        t.consecutive_failures, t.recent_outcomes, t.next_sync_at,
        x.learned_interval, x.usual_duration_ms, x.usual_runs, x.drift_percent, x.drift_severity,
        -- what waits on its devices and on the server; what was counted too long ago is not known
        least(x.queue_oldest_at, case when not c.is_unevaluated then x.work_oldest_at end),
        coalesce(x.queue_reported_at, case when not c.is_unevaluated then x.work_counted_at end),
        x.expect_from, c.judge_from, p.is_paused
      )::syncwell.stream_facts,
      w.limits,
      c.computed_at
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
      min(r.place) as place,
      syncwell._overlays(
        bool_or(r.is_paused), bool_or(r.is_maintained), bool_or(r.is_flapping), bool_or(r.is_unevaluated)
      ) as overlays
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
    end,
    g.overlays
  from grouped as g
  left join ranked as w on w.place = g.place
  order by g.source is not null, w.rank desc, g.score, g.source;
end
$$;
comment on function syncwell._sync_health_status(uuid) is
'What get_sync_health_status() returns, as of the snapshot of the statement that asks: analyze_sync_health() puts '
'several together. Errors: SW001, SW002.';
revoke all on function syncwell._sync_health_status(uuid) from public;
