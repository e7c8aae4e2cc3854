create or replace function syncwell._recent_events(
  p_source text,
  p_limit integer,
  p_status text,
  p_sync_type text,
  p_user_id uuid
)
returns table (
  event_id uuid,
  source text,
  user_id uuid,
  sync_type text,
  status text,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint,
  items_processed bigint,
  items_created bigint,
  items_updated bigint,
  items_deleted bigint,
  items_failed bigint,
  items_per_second numeric,
  direction text,
  bytes bigint,
  error_type text,
  error_code text,
  error_message text,
  attempt integer,
  platform text,
  device_id text,
  network_type text,
  sync_token_before text,
  sync_token_after text,
  heartbeat_at timestamptz
)
language plpgsql stable security invoker rows 20
set search_path = pg_catalog, pg_temp
-- a filter that is not given must vanish from the plan, and a status must find the partial index made for it
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
  v_events syncwell.sync_events[];
begin
  if p_user_id is null and v_caller.sees_org then
    select array_agg(f.run order by (f.run).id desc) into v_events
    from (
      select e as run
      from syncwell.sync_events as e
      where e.org_id = v_caller.org_id
        and (p_source is null or e.source = p_source)
        and (p_status is null or e.status = p_status)
        and (p_sync_type is null or e.sync_type = p_sync_type)
        and exists (
          select from syncwell.streams as s
          where s.org_id = e.org_id and s.stream_id = e.stream_id and s.retired_at is null
          -- keeps the planner from starting with the streams
          offset 0
        )
      order by e.id desc
      limit p_limit
    ) as f;
  else
    -- a user has a few streams: the newest of each, then the newest of all
    select array_agg(f.run order by (f.run).id desc) into v_events
    from (
      select l.run
      from syncwell._visible_streams(p_source, p_user_id) as s
      cross join lateral (
        select e as run
        from syncwell.sync_events as e
        where e.org_id = s.org_id
          and e.stream_id = s.stream_id
          and (p_status is null or e.status = p_status)
          and (p_sync_type is null or e.sync_type = p_sync_type)
        order by e.id desc
        limit p_limit
      ) as l
      order by (l.run).id desc
      limit p_limit
    ) as f;
  end if;

  return query
  select
    e.id, e.source, e.user_id, e.sync_type, e.status, e.started_at, e.completed_at, e.duration_ms,
    e.items_processed, e.items_created, e.items_updated, e.items_deleted, e.items_failed,
    round(e.items_processed * 1000.0 / nullif(e.duration_ms, 0), 2),
    e.direction, e.bytes,
    e.error_type, e.error_code, syncwell._redact(e.org_id, e.user_id, e.error_message), e.attempt, e.platform,
    syncwell._redact(e.org_id, e.user_id, e.device_id), syncwell._redact(e.org_id, e.user_id, e.network_type),
    e.sync_token_before, e.sync_token_after, e.heartbeat_at
  from unnest(v_events) as e;
end
$$;
comment on function syncwell._recent_events(text, integer, text, text, uuid) is
'The newest runs of the live streams that the caller may see, newest first. Errors: SW001, SW002.';
revoke all on function syncwell._recent_events(text, integer, text, text, uuid) from public;
