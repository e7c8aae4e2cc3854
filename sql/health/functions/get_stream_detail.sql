create or replace function syncwell.get_stream_detail(
  p_stream_id uuid,
  p_hours integer default 48
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_now constant timestamptz := syncwell._now();
  v_from timestamptz;
  v_user_id uuid;
  v_document jsonb;
begin
  perform syncwell._check_limit(p_hours);
  v_from := v_now - make_interval(hours => p_hours);
  select s.user_id into v_user_id
  from syncwell.streams as s
  where s.org_id = v_caller.org_id
    and s.stream_id = p_stream_id
    and s.retired_at is null
    and (v_caller.sees_org or s.user_id is null or s.user_id = v_caller.user_id);
  if not found then
    raise exception using
      errcode = 'SW105',
      message = 'unknown stream',
      detail = format('There is no stream %s that this caller may see.', coalesce(p_stream_id::text, 'NULL')),
      hint = 'View stream_health lists the streams you may see.';
  end if;
  perform syncwell._note_access('get_stream_detail', v_user_id);

  select jsonb_build_object(
    'computed_at', v_now,
    'since', v_from,
    'org', (
      select jsonb_build_object('name', o.name, 'time_zone', o.time_zone)
      from syncwell.orgs as o
      where o.org_id = v_caller.org_id
    ),
    'stream', (
      select jsonb_build_object(
        'stream_id', h.stream_id,
        'user_id', h.user_id,
        'name', (
          select u.display_name from syncwell.users as u where u.org_id = h.org_id and u.user_id = h.user_id
        ),
        'source', h.source,
        'platform', h.platform,
        'status', h.status,
        'overlays', h.overlays,
        'score', h.score,
        'parts', jsonb_build_object(
          'freshness', h.freshness_score,
          'reliability', h.reliability_score,
          'queue', h.queue_score,
          'drift', h.drift_score,
          'speed', h.speed_score
        ),
        'since', h.since,
        'reason', h.reason,
        'advice', h.advice,
        'expected_seconds', extract(epoch from h.expected_interval),
        'due_at', h.due_at,
        'last_sync_at', h.last_sync_at,
        'last_success_at', h.last_success_at,
        'consecutive_failures', h.consecutive_failures,
        'usual_duration_ms', h.usual_duration_ms,
        'last_duration_ms', h.last_duration_ms,
        'drift_percent', h.drift_percent,
        'drift_severity', h.drift_severity,
        'queue_depth', h.queue_depth,
        'queue_oldest_at', h.queue_oldest_at
      )
      from syncwell._health_of(v_caller.org_id, array[p_stream_id]) as h
    ),
    'stretches', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'starts_at', r.starts_at, 'ends_at', r.ends_at, 'status', r.status, 'mode', r.mode, 'score', r.score
          )
          order by r.starts_at
        )
        from syncwell._state_stretches(v_caller.org_id, array[p_stream_id], v_from, v_now) as r
      ),
      '[]'
    ),
    'runs', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'event_id', e.id,
            'sync_type', e.sync_type,
            'status', e.status,
            'started_at', e.started_at,
            'completed_at', e.completed_at,
            'duration_ms', e.duration_ms,
            'items_processed', e.items_processed,
            'items_failed', e.items_failed,
            'error_type', e.error_type,
            'error_message', syncwell._redact(e.org_id, e.user_id, e.error_message)
          )
          order by e.id desc
        )
        from (
          select r.*
          from syncwell.sync_events as r
          where r.org_id = v_caller.org_id
            and r.stream_id = p_stream_id
            and r.id >= syncwell._uuid7_floor(v_from)
          order by r.id desc
          limit 200
        ) as e
      ),
      '[]'
    )
  )
  into v_document;
  return v_document;
end
$$;
comment on function syncwell.get_stream_detail(uuid, integer) is
'The stream p_stream_id in one document: how it is, how it was, what it ran. p_hours: so many hours back, default 48, '
'1 to 1000. computed_at; since: the beginning of that time; org (name, time_zone); stream: the columns of '
'stream_health by the same names, name (its user''s), expected_seconds (expected_interval in seconds) and parts of '
'the score (freshness, reliability, queue, drift, speed: 0 to 100); stretches: starts_at, ends_at, status, score and '
'mode (paused, excluded, muted or blind, null without any), oldest first: what none of them covers is not known; '
'runs: the newest 200, newest first (event_id, sync_type, status, started_at, completed_at, duration_ms, '
'items_processed, items_failed, error_type, error_message with consent only). What is not known is null. A stream of '
'another user''s is written to the access log. Errors: SW001, SW105 (no such stream, or not the caller''s), 25006 '
'(another user''s, in a read-only transaction), 22004, 22023 (p_hours).';
revoke all on function syncwell.get_stream_detail(uuid, integer) from public;
grant execute on function syncwell.get_stream_detail(uuid, integer) to syncwell_client, syncwell_reader;
