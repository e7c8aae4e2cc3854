create or replace function syncwell._stream_health(
  p_source text,
  p_user_id uuid,
  p_stale_after interval default null
)
returns table (
  org_id uuid,
  stream_id uuid,
  user_id uuid,
  source text,
  platform text,
  status text,
  score numeric,
  freshness_score numeric,
  reliability_score numeric,
  queue_score numeric,
  drift_score numeric,
  speed_score numeric,
  freshness text,
  since timestamptz,
  expected_interval interval,
  due_at timestamptz,
  late_at timestamptz,
  stale_at timestamptz,
  reason text,
  advice text,
  last_sync_at timestamptz,
  last_status text,
  last_success_at timestamptz,
  last_failed_at timestamptz,
  last_duration_ms bigint,
  consecutive_failures integer,
  is_healthy boolean,
  next_sync_at timestamptz,
  items_in_database bigint,
  settings jsonb,
  max_runtime interval
)
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_time_zone text;
  v_settings jsonb;
  v_overrides jsonb;
  v_key text;
begin
  select o.time_zone, h.settings, h.overrides into v_time_zone, v_settings, v_overrides
  from syncwell.orgs as o
  cross join lateral syncwell._health_settings(o.org_id) as h
  where o.org_id = v_org_id;
  if p_stale_after is not null then
    v_settings := v_settings || jsonb_build_object('health.stale_after', p_stale_after::text);
    for v_key in select k.key from jsonb_object_keys(v_overrides) as k (key) loop
      v_overrides := jsonb_set(v_overrides, array[v_key, 'health.stale_after'], to_jsonb(p_stale_after::text));
    end loop;
  end if;

  return query
  select
    s.org_id, s.stream_id, s.user_id, s.source, s.platform,
    h.status, h.score, h.freshness_score, h.reliability_score, h.queue_score, h.drift_score, h.speed_score,
    h.freshness, h.since, h.expected_interval, h.due_at, h.late_at, h.stale_at, h.reason, h.advice,
    t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync, t.last_duration_ms,
    t.consecutive_failures, t.is_healthy, t.next_sync_at, t.items_in_database,
    v.settings, coalesce(s.max_runtime, (v.settings ->> 'runs.max_runtime')::interval)
  from syncwell._visible_streams(p_source, p_user_id) as s
  left join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
  cross join lateral (
    select syncwell._stream_settings(v_settings, v_overrides, s.source, s.platform) as settings
  ) as v
  cross join lateral syncwell._stream_status(
    row(
      s.expected_interval, s.cron, coalesce(s.time_zone, v_time_zone), s.registered_at, s.created_at,
      t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync,
      t.consecutive_failures, t.recent_outcomes, t.next_sync_at
    )::syncwell.stream_facts,
    v.settings,
    v_now
  ) as h;
end
$$;
comment on function syncwell._stream_health(text, uuid, interval) is
'Status, score and facts of every stream the caller may see, for the functions that read as owner; the identity is '
'resolved once. p_stale_after: in place of setting health.stale_after. Errors: SW001, SW002.';
revoke all on function syncwell._stream_health(text, uuid, interval) from public;
