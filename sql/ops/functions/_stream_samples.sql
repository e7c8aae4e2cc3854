create or replace function syncwell._stream_samples(
  p_org_id uuid,
  p_by_org boolean
)
returns setof syncwell.metric_sample
language plpgsql stable security invoker rows 100
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
begin
  return query
  with by_status as (
    select
      o.org_id,
      s.source,
      coalesce(x.status, 'unknown') as status,
      count(*) as streams,
      max(t.last_successful_sync) as last_success_at,
      max(t.last_run_at) as last_run_at,
      min(t.next_sync_at) as next_sync_at,
      max(t.consecutive_failures) as consecutive_failures,
      max(s.slo) as slo
    from syncwell.streams as s
    left join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
    left join syncwell.stream_states as x on x.org_id = s.org_id and x.stream_id = s.stream_id
    cross join lateral (select case when p_by_org then s.org_id end as org_id) as o
    where s.retired_at is null and (p_org_id is null or s.org_id = p_org_id)
    group by o.org_id, s.source, coalesce(x.status, 'unknown')
  ),
  by_source as materialized (
    select
      b.org_id,
      b.source,
      max(syncwell._status_rank(b.status)) as worst,
      jsonb_object_agg(b.status, b.streams) as streams,
      extract(epoch from max(b.last_success_at)) as last_success,
      extract(epoch from max(b.last_run_at)) as last_run,
      extract(epoch from min(b.next_sync_at)) as next_due,
      coalesce(max(b.consecutive_failures), 0) as failures,
      max(b.slo) as slo
    from by_status as b
    group by b.org_id, b.source
  )
  select
    s.org_id, v.metric, v.metric, jsonb_build_object('source', s.source), 0, v.value::double precision
  from by_source as s
  cross join lateral (
    values
    ('sync_last_success_timestamp_seconds', s.last_success),
    ('sync_last_run_timestamp_seconds', s.last_run),
    ('sync_next_due_timestamp_seconds', s.next_due),
    ('sync_consecutive_failures', s.failures::numeric),
    ('sync_slo_objective_ratio', s.slo)
  ) as v (metric, value)
  where v.value is not null
  union all
  select
    s.org_id, v.metric, v.metric, jsonb_build_object('source', s.source, 'state', r.status),
    syncwell._status_rank(r.status), v.value
  from by_source as s
  cross join unnest(array['unknown', 'healthy', 'late', 'degraded', 'unhealthy']) as r (status)
  cross join lateral (
    values
    ('sync_streams', coalesce((s.streams ->> r.status)::double precision, 0)),
    ('sync_health_status', case when syncwell._status_rank(r.status) = s.worst then 1 else 0 end)
  ) as v (metric, value)
  union all
  -- of several platforms or orgs the one that is off the most
  (
    select distinct on (o.org_id, b.source)
      o.org_id, 'sync_drift_ratio', 'sync_drift_ratio', jsonb_build_object('source', b.source), 0,
      (b.drift_percent / 100)::double precision
    from syncwell.volume_baselines as b
    cross join lateral (select case when p_by_org then b.org_id end as org_id) as o
    where b.finding is not null and b.drift_percent is not null and (p_org_id is null or b.org_id = p_org_id)
    order by o.org_id, b.source, b.stream_id is not null, abs(b.drift_percent) desc
  );
end
$$;
comment on function syncwell._stream_samples(uuid, boolean) is
'How the streams of each source are, from what is kept of them; of an org, or of all (p_org_id NULL), summed up or '
'each org''s own (p_by_org).';
revoke all on function syncwell._stream_samples(uuid, boolean) from public;
