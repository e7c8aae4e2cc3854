create or replace function syncwell._run_samples(
  p_org_id uuid,
  p_by_org boolean
)
returns setof syncwell.metric_sample
language plpgsql stable security invoker rows 100
set search_path = pg_catalog, pg_temp
-- a plan for all orgs reads all runs to find those of one
set plan_cache_mode = force_custom_plan
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  with running as materialized (
    select e.org_id, e.stream_id, e.source, e.platform, e.started_at, e.heartbeat_at
    from syncwell.sync_events as e
    where e.status = 'started' and (p_org_id is null or e.org_id = p_org_id)
  ),
  limits as materialized (
    select
      d.org_id, d.source, d.platform,
      syncwell._setting(d.org_id, 'runs.heartbeat_timeout', d.source, d.platform)::interval as heartbeat_timeout,
      syncwell._setting(d.org_id, 'runs.max_runtime', d.source, d.platform)::interval as max_runtime
    from (select distinct r.org_id, r.source, r.platform from running as r) as d
  ),
  sources as materialized (
    select distinct s.org_id, s.source
    from syncwell.streams as s
    where s.retired_at is null and (p_org_id is null or s.org_id = p_org_id)
  ),
  runs as (
    -- each source of today, also without any
    select s.org_id, s.source, 0 as active, 0 as stuck from sources as s
    union all
    select
      r.org_id, r.source, 1,
      case
        when r.heartbeat_at + l.heartbeat_timeout <= v_now
          or r.started_at + coalesce(s.max_runtime, l.max_runtime) <= v_now then 1
        else 0
      end
    from running as r
    join limits as l on l.org_id = r.org_id and l.source = r.source and l.platform is not distinct from r.platform
    left join syncwell.streams as s on s.org_id = r.org_id and s.stream_id = r.stream_id
  ),
  progress as (
    select
      o.org_id,
      -- whoever reports names the system freely: a name that is no source is no label of its own
      coalesce(s.source, 'other') as source,
      sum(p.processed_count + p.failed_count) filter (where p.total_items > 0) as handled,
      sum(p.total_items) filter (where p.total_items > 0) as total,
      max(p.eta_now) as eta
    from syncwell.sync_progress_live as p
    left join sources as s on s.org_id = p.org_id and s.source = p.source_system
    cross join lateral (select case when p_by_org then p.org_id end as org_id) as o
    where p.status = 'in_progress' and (p_org_id is null or p.org_id = p_org_id)
    group by o.org_id, s.source
  )
  select
    g.org_id, v.metric, v.metric, jsonb_build_object('source', g.source), 0, v.value::double precision
  from (
    select o.org_id, r.source, sum(r.active) as active, sum(r.stuck) as stuck
    from runs as r
    cross join lateral (select case when p_by_org then r.org_id end as org_id) as o
    group by o.org_id, r.source
  ) as g
  cross join lateral (values ('sync_run_active', g.active), ('sync_run_stuck', g.stuck)) as v (metric, value)
  union all
  select
    p.org_id, v.metric, v.metric, jsonb_build_object('source', p.source), 0, v.value::double precision
  from progress as p
  cross join lateral (
    values ('sync_run_progress_ratio', p.handled / nullif(p.total, 0)), ('sync_run_eta_seconds', p.eta)
  ) as v (metric, value)
  where v.value is not null;
end
$$;
comment on function syncwell._run_samples(uuid, boolean) is
'What is running for each source; of an org, or of all (p_org_id NULL), summed up or each org''s own (p_by_org).';
revoke all on function syncwell._run_samples(uuid, boolean) from public;
