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
  overlays text[],
  window_mode text,
  is_flapping boolean,
  cron text,
  time_zone text,
  active_hours text,
  registered_at timestamptz,
  created_at timestamptz,
  max_runtime interval,
  last_sync_at timestamptz,
  last_status text,
  last_success_at timestamptz,
  last_failed_at timestamptz,
  last_duration_ms bigint,
  consecutive_failures integer,
  recent_outcomes varbit,
  is_healthy boolean,
  next_sync_at timestamptz,
  items_in_database bigint,
  learned_interval interval,
  usual_duration_ms bigint,
  usual_runs bigint,
  drift_percent numeric,
  drift_severity text,
  drift_since timestamptz,
  queue_depth bigint,
  queue_oldest_at timestamptz,
  queue_reported_at timestamptz
)
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_stream_ids constant uuid[] := array(
    select s.stream_id from syncwell._visible_streams(p_source, p_user_id) as s
  );
begin
  return query
  select h.* from syncwell._health_of(v_org_id, v_stream_ids, p_stale_after) as h;
end
$$;
comment on function syncwell._stream_health(text, uuid, interval) is
'_health_of() the streams that the caller may see, for the functions that read as owner. Errors: SW001, SW002.';
revoke all on function syncwell._stream_health(text, uuid, interval) from public;
