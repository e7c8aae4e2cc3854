create or replace function syncwell._metric_samples(p_metric text default null)
returns setof syncwell.metric_sample
language plpgsql stable security invoker rows 300
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := syncwell._metric_scope();
  v_by_org constant boolean := v_org_id is null and syncwell._setting(null, 'ops.metrics_by_org')::boolean;
  v_parts constant text[] := (
    select array_agg(distinct f.part) from syncwell._metric_families() as f where p_metric is null or f.metric = p_metric
  );
begin
  return query
  select
    s.org_id, s.metric, s.sample,
    case when s.org_id is null then s.labels else s.labels || jsonb_build_object('org', s.org_id) end,
    s.place, s.value
  from (
    select t.* from syncwell._total_samples(v_org_id, v_by_org) as t where 'totals' = any(v_parts)
    union all
    select t.* from syncwell._stream_samples(v_org_id, v_by_org) as t where 'streams' = any(v_parts)
    union all
    select t.* from syncwell._run_samples(v_org_id, v_by_org) as t where 'runs' = any(v_parts)
    union all
    select t.* from syncwell._work_samples(v_org_id, v_by_org) as t where 'work' = any(v_parts)
    union all
    select t.* from syncwell._installation_samples(v_org_id) as t where 'installation' = any(v_parts)
  ) as s
  where p_metric is null or s.metric = p_metric;
end
$$;
comment on function syncwell._metric_samples(text) is
'What get_metric_samples() returns, with what it is ordered by. Errors: SW001, 42501.';
revoke all on function syncwell._metric_samples(text) from public;
