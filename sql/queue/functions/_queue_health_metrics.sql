create or replace function syncwell._queue_health_metrics(p_user_id uuid)
returns table (
  source text,
  platform text,
  depth bigint,
  ready bigint,
  scheduled bigint,
  retrying bigint,
  blocked bigint,
  processing bigint,
  dead bigint,
  expired_leases bigint,
  oldest_ready_at timestamptz,
  oldest_ready_seconds numeric,
  oldest_enqueued_at timestamptz,
  p95_wait_ms double precision,
  p95_service_ms double precision,
  arrivals_per_minute numeric,
  completions_per_minute numeric,
  drain_seconds numeric,
  client_queues bigint,
  client_depth numeric,
  client_oldest_at timestamptz,
  client_reported_at timestamptz,
  client_report_seconds numeric
)
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
set jit = off
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  c_sample constant integer := 1000;
  v_now constant timestamptz := syncwell._now();
  v_caller record;
begin
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  return query
  -- the newest only: what it costs does not grow with what was done
  with finished as materialized (
    select a.source, a.platform, a.status, a.enqueued_at, a.claimed_at, a.finished_at
    from syncwell.sync_queue_archive as a
    where a.org_id = v_caller.org_id
      and a.finished_at > v_now - interval '1 hour'
      and (v_caller.sees_org or a.user_id is null or a.user_id = v_caller.user_id)
      and (p_user_id is null or a.user_id = p_user_id)
    order by a.finished_at desc
    limit c_sample
  ),
  -- a full sample may not reach back five minutes
  span as materialized (
    select
      s.since,
      greatest(extract(epoch from v_now - s.since), 1) / 60 as minutes
    from (
      select greatest(v_now - interval '5 minutes', case when count(*) = c_sample then min(f.finished_at) end) as since
      from finished as f
    ) as s
  ),
  done as (
    select
      f.source, f.platform, grouping(f.source) = 1 as is_total,
      percentile_disc(0.95) within group (order by extract(epoch from f.claimed_at - f.enqueued_at) * 1000)
        filter (where f.status = 'completed') as p95_wait_ms,
      percentile_disc(0.95) within group (order by extract(epoch from f.finished_at - f.claimed_at) * 1000)
        filter (where f.status = 'completed') as p95_service_ms,
      count(*) filter (where f.finished_at > s.since) as completions,
      count(*) filter (where f.enqueued_at > s.since) as arrivals
    from finished as f
    cross join span as s
    group by grouping sets ((f.source, f.platform), ())
  ),
  live as (
    select
      q.source, q.platform, grouping(q.source) = 1 as is_total,
      count(*) filter (where q.status <> 'dead') as depth,
      count(*) filter (where q.status = 'pending' and q.blockers = 0 and q.run_at <= v_now) as ready,
      count(*) filter (
        where q.status = 'pending' and q.blockers = 0 and q.run_at > v_now and q.last_failed_at is null
      ) as scheduled,
      count(*) filter (
        where q.status = 'pending' and q.blockers = 0 and q.run_at > v_now and q.last_failed_at is not null
      ) as retrying,
      count(*) filter (where q.status = 'pending' and q.blockers > 0) as blocked,
      count(*) filter (where q.status = 'processing') as processing,
      count(*) filter (where q.status = 'dead') as dead,
      count(*) filter (where q.status = 'processing' and q.run_at <= v_now) as expired_leases,
      min(q.run_at) filter (
        where q.status = 'pending' and q.blockers = 0 and q.run_at <= v_now
      ) as oldest_ready_at,
      min(q.enqueued_at) filter (where q.status <> 'dead') as oldest_enqueued_at,
      count(*) filter (where q.enqueued_at > s.since) as arrivals
    from syncwell.sync_queue as q
    cross join span as s
    where q.org_id = v_caller.org_id
      and (v_caller.sees_org or q.user_id is null or q.user_id = v_caller.user_id)
      and (p_user_id is null or q.user_id = p_user_id)
    group by grouping sets ((q.source, q.platform), ())
  ),
  told as (
    select
      c.source, c.platform, grouping(c.source) = 1 as is_total,
      count(*) as queues,
      sum(c.depth) as depth,
      min(c.oldest_at) as oldest_at,
      min(c.reported_at) as reported_at
    from syncwell.client_queues as c
    where c.org_id = v_caller.org_id
      and (v_caller.sees_org or c.user_id = v_caller.user_id)
      and (p_user_id is null or c.user_id = p_user_id)
    group by grouping sets ((c.source, c.platform), ())
  ),
  groups as (
    select l.source, l.platform, l.is_total from live as l
    union
    select d.source, d.platform, d.is_total from done as d
    union
    select t.source, t.platform, t.is_total from told as t
  )
  select
    g.source,
    g.platform,
    coalesce(l.depth, 0),
    coalesce(l.ready, 0),
    coalesce(l.scheduled, 0),
    coalesce(l.retrying, 0),
    coalesce(l.blocked, 0),
    coalesce(l.processing, 0),
    coalesce(l.dead, 0),
    coalesce(l.expired_leases, 0),
    l.oldest_ready_at,
    coalesce(round(extract(epoch from v_now - l.oldest_ready_at), 1), 0),
    l.oldest_enqueued_at,
    d.p95_wait_ms::double precision,
    d.p95_service_ms::double precision,
    round(r.arrivals / s.minutes, 2),
    round(r.completions / s.minutes, 2),
    case
      when coalesce(l.ready, 0) = 0 then 0
      when r.completions > r.arrivals then round(60 * l.ready * s.minutes / (r.completions - r.arrivals), 1)
    end,
    coalesce(t.queues, 0),
    t.depth,
    t.oldest_at,
    t.reported_at,
    round(extract(epoch from v_now - t.reported_at), 1)
  from groups as g
  cross join span as s
  left join live as l
    on l.is_total = g.is_total and l.source is not distinct from g.source and l.platform is not distinct from g.platform
  left join done as d
    on d.is_total = g.is_total and d.source is not distinct from g.source and d.platform is not distinct from g.platform
  left join told as t
    on t.is_total = g.is_total and t.source is not distinct from g.source and t.platform is not distinct from g.platform
  cross join lateral (
    select coalesce(l.arrivals, 0) + coalesce(d.arrivals, 0) as arrivals, coalesce(d.completions, 0) as completions
  ) as r
  order by g.is_total desc, l.oldest_ready_at, g.source, g.platform;
end
$$;
comment on function syncwell._queue_health_metrics(uuid) is
'What get_queue_health_metrics() returns, also for a document that has it among other things. Errors: SW001, SW002.';
revoke all on function syncwell._queue_health_metrics(uuid) from public;
