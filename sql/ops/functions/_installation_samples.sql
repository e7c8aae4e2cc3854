create or replace function syncwell._installation_samples(p_org_id uuid)
returns setof syncwell.metric_sample
language plpgsql stable security invoker rows 30
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  select
    null::uuid, 'sync_evaluator_last_tick_timestamp_seconds', 'sync_evaluator_last_tick_timestamp_seconds',
    '{}'::jsonb, 0, extract(epoch from min(coalesce(e.evaluated_at, to_timestamp(0))))::double precision
  from (
    select distinct s.org_id from syncwell.streams as s
    where s.retired_at is null and (p_org_id is null or s.org_id = p_org_id)
  ) as o
  left join syncwell.health_evaluations as e on e.org_id = o.org_id
  having count(*) > 0;

  return next (
    null::uuid, 'sync_rollup_lag_seconds', 'sync_rollup_lag_seconds', '{}'::jsonb, 0,
    case
      when exists (
        select from syncwell.sync_metrics_dirty as d where p_org_id is null or d.org_id = p_org_id
      ) then coalesce(
        (
          select extract(epoch from v_now - m.succeeded_at)::double precision
          from syncwell.maintenance_duties as m where m.duty = 'metrics'
        ),
        'infinity'
      )
      else 0
    end
  )::syncwell.metric_sample;

  return query
  select
    null::uuid, 'sync_build_info', 'sync_build_info', jsonb_build_object('schema_version', max(m.id)), 0,
    1::double precision
  from syncwell.schema_migrations as m;

  -- of the installation, not of an org
  if p_org_id is null then
    return query
    select
      null::uuid, v.metric, v.metric, jsonb_build_object('table', p.table_name), 0, v.value::double precision
    from (
      select
        h.table_name,
        max(h.estimated_rows) filter (where h.is_default) as default_rows,
        max(
          (extract(year from h.month at time zone 'UTC') - extract(year from v_now at time zone 'UTC')) * 12
          + extract(month from h.month at time zone 'UTC') - extract(month from v_now at time zone 'UTC')
        ) as months
      from syncwell.partition_health() as h
      group by h.table_name
    ) as p
    cross join lateral (
      values ('sync_partition_months_ahead', p.months), ('sync_partition_default_rows', p.default_rows::numeric)
    ) as v (metric, value)
    where v.value is not null;
  end if;
end
$$;
comment on function syncwell._installation_samples(uuid) is
'Whether what evaluates, counts and makes partitions is at work: for an org, or (p_org_id NULL) the installation.';
revoke all on function syncwell._installation_samples(uuid) from public;
