create or replace function syncwell._total_samples(
  p_org_id uuid,
  p_by_org boolean
)
returns setof syncwell.metric_sample
language plpgsql stable security invoker rows 100
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  -- bucket n ends at 2^n milliseconds; what is longer is in the last one, +Inf
  c_first constant integer := 5;
  c_last constant integer := 24;
begin
  return query
  with totals as materialized (
    select o.org_id, t.source, t.metric, t.label, sum(t.value) as value
    from (
      select m.org_id, m.source, m.metric, m.label, m.value from syncwell.metric_totals as m
      where p_org_id is null or m.org_id = p_org_id
      union all
      select a.org_id, a.source, 'sync_retry_attempts_total', '', a.retries from syncwell.source_attempts as a
      where p_org_id is null or a.org_id = p_org_id
    ) as t
    cross join lateral (select case when p_by_org then t.org_id end as org_id) as o
    group by o.org_id, t.source, t.metric, t.label
  ),
  -- a counter that is there from the start is 0 before it counts: its first increase is seen
  sources as materialized (
    select distinct case when p_by_org then s.org_id end as org_id, s.source
    from syncwell.streams as s
    where s.retired_at is null and (p_org_id is null or s.org_id = p_org_id)
    union
    select t.org_id, t.source from totals as t
  ),
  counters as (
    select s.org_id, s.source, c.metric, c.label, c.labels, coalesce(t.value, 0) as value
    from sources as s
    cross join (
      values
      ('sync_runs_total', 'success', '{"status": "success"}'::jsonb),
      ('sync_runs_total', 'failed', '{"status": "failed"}'),
      ('sync_runs_started_total', '', '{}'),
      ('sync_items_total', '', '{}'),
      ('sync_retry_attempts_total', '', '{}')
    ) as c (metric, label, labels)
    left join totals as t
      on t.source = s.source and t.org_id is not distinct from s.org_id and t.metric = c.metric and t.label = c.label
  ),
  buckets as (
    select
      s.org_id, s.source, n.n,
      sum(coalesce(t.value, 0)) over (partition by s.org_id, s.source order by n.n) as value
    from sources as s
    cross join generate_series(c_first, c_last) as n (n)
    left join totals as t
      on t.source = s.source and t.org_id is not distinct from s.org_id
      and t.metric = 'sync_run_duration_seconds_bucket' and t.label = n.n::text
  )
  select
    c.org_id, c.metric, c.metric, jsonb_build_object('source', c.source) || c.labels, 0, c.value::double precision
  from counters as c
  union all
  select
    b.org_id, 'sync_run_duration_seconds', 'sync_run_duration_seconds_bucket',
    jsonb_build_object(
      'source', b.source, 'le', case when b.n = c_last then '+Inf' else (2 ^ b.n / 1000)::double precision::text end
    ),
    b.n, b.value::double precision
  from buckets as b
  union all
  select
    b.org_id, 'sync_run_duration_seconds', 'sync_run_duration_seconds_count',
    jsonb_build_object('source', b.source), c_last + 1, b.value::double precision
  from buckets as b
  where b.n = c_last
  union all
  select
    s.org_id, 'sync_run_duration_seconds', 'sync_run_duration_seconds_sum',
    jsonb_build_object('source', s.source), c_last + 2, coalesce(t.value, 0)::double precision / 1000
  from sources as s
  left join totals as t
    on t.source = s.source and t.org_id is not distinct from s.org_id and t.metric = 'sync_run_duration_seconds_sum';
end
$$;
comment on function syncwell._total_samples(uuid, boolean) is
'The counters of an org, or of all (p_org_id NULL), summed up or each org''s own (p_by_org).';
revoke all on function syncwell._total_samples(uuid, boolean) from public;
