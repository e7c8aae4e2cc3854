create or replace function syncwell.update_sync_health_metrics(
  p_user_id uuid,
  p_source text,
  p_metrics jsonb,
  out stream_id uuid,
  out reported_at timestamptz,
  out is_newest boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- plans are made while tables are small, and kept
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  -- Few and short expressions: each is set up anew in every transaction, and a report is one.
  v_caller record := syncwell._identity();
  v_user_id uuid;
  v_metrics jsonb := p_metrics;
  v_now timestamptz := syncwell._now();
  v_stream_platform text;
  v_told record;
  v_is_unsure boolean;
begin
  if v_caller.org_id is null then
    -- which says why
    perform syncwell._caller();
  end if;
  v_user_id := case
    when p_user_id is null or p_user_id = v_caller.user_id then v_caller.user_id else syncwell._target_user(p_user_id)
  end;
  if syncwell._is_plain_metrics(v_metrics) is distinct from true
    or (v_metrics ->> 'reported_at')::timestamptz > v_now
    or (v_metrics ->> 'oldest_pending_at')::timestamptz > v_now
  then
    v_metrics := syncwell._checked_metrics(v_metrics, v_now);
  end if;
  reported_at := coalesce((v_metrics ->> 'reported_at')::timestamptz, v_now);
  -- 8 days is the least that the setting may be
  if reported_at < v_now - interval '8 days'
    and reported_at < v_now - syncwell._setting(v_caller.org_id, 'health.history_retention')::interval
  then
    perform syncwell._refuse_metric('reported_at', 'is so long ago that no history is kept of it');
  end if;
  if v_user_id is not null and v_metrics ?| '{device_id,network}'
    and syncwell._redact(v_caller.org_id, v_user_id, true) is null
  then
    v_metrics := v_metrics - '{device_id,network}'::text[];
  end if;

  loop
    -- neither IS NOT DISTINCT FROM nor OR finds its way through one index
    if v_user_id is null then
      select s.stream_id, s.platform into stream_id, v_stream_platform
      from syncwell.streams as s
      where s.org_id = v_caller.org_id and s.user_id is null and s.source = p_source and s.retired_at is null;
    else
      select s.stream_id, s.platform into stream_id, v_stream_platform
      from syncwell.streams as s
      where s.org_id = v_caller.org_id and s.user_id = v_user_id and s.source = p_source and s.retired_at is null;
    end if;
    exit when found;
    perform syncwell._check_source(p_source);
    perform syncwell._ensure_stream(v_caller.org_id, v_user_id, p_source, v_metrics ->> 'platform');
  end loop;
  if v_stream_platform is null and v_metrics ? 'platform' then
    update syncwell.streams as s set platform = v_metrics ->> 'platform'
    where s.org_id = v_caller.org_id and s.stream_id = update_sync_health_metrics.stream_id and s.platform is null;
  end if;

  -- The row keeps what it told before, as whoever writes it has it locked: so the sums of the stream move by exact
  -- differences, in whatever order reports come.
  insert into syncwell.sync_health as h (
    org_id, stream_id, device_id, user_id, source, platform, network, sync_duration_ms, record_count, error_count,
    queue_depth, oldest_pending_at, reported_at, received_at, recent_reports
  )
  values (
    v_caller.org_id, stream_id, coalesce(v_metrics ->> 'device_id', ''), v_user_id, p_source,
    v_metrics ->> 'platform', nullif(v_metrics ->> 'network', ''), (v_metrics -> 'sync_duration_ms')::bigint,
    (v_metrics -> 'record_count')::bigint, (v_metrics -> 'error_count')::bigint, (v_metrics -> 'queue_depth')::bigint,
    -- where nothing waits, nothing has waited since
    case when v_metrics -> 'queue_depth' <> '0' is not false then (v_metrics ->> 'oldest_pending_at')::timestamptz end,
    reported_at, v_now, array[reported_at]
  )
  on conflict (org_id, stream_id, device_id) do update
  set
    platform = coalesce(excluded.platform, h.platform),
    network = coalesce(excluded.network, h.network),
    sync_duration_ms = coalesce(excluded.sync_duration_ms, h.sync_duration_ms),
    record_count = coalesce(excluded.record_count, h.record_count),
    error_count = coalesce(excluded.error_count, h.error_count),
    queue_depth = coalesce(excluded.queue_depth, h.queue_depth),
    oldest_pending_at = case
      when excluded.queue_depth = 0 or v_metrics ? 'oldest_pending_at' then excluded.oldest_pending_at
      else h.oldest_pending_at
    end,
    reported_at = excluded.reported_at,
    received_at = excluded.received_at,
    recent_reports = h.recent_reports[cardinality(h.recent_reports) - 30:] || excluded.reported_at,
    queue_depth_before = h.queue_depth,
    oldest_pending_before = h.oldest_pending_at
  where excluded.reported_at > h.reported_at
  returning h.queue_depth, h.oldest_pending_at, h.queue_depth_before, h.oldest_pending_before into v_told;
  is_newest := found;
  if not is_newest then
    update syncwell.sync_health as h
    set recent_reports = h.recent_reports[cardinality(h.recent_reports) - 30:] || update_sync_health_metrics.reported_at
    where h.org_id = v_caller.org_id
      and h.stream_id = update_sync_health_metrics.stream_id
      and h.device_id = coalesce(v_metrics ->> 'device_id', '')
      and h.reported_at <> update_sync_health_metrics.reported_at
      and update_sync_health_metrics.reported_at <> all(h.recent_reports);
    if not found then
      -- sent again
      select h.reported_at = update_sync_health_metrics.reported_at into is_newest
      from syncwell.sync_health as h
      where h.org_id = v_caller.org_id
        and h.stream_id = update_sync_health_metrics.stream_id
        and h.device_id = coalesce(v_metrics ->> 'device_id', '');
      return;
    end if;
  end if;

  insert into syncwell.sync_health_hours as k (
    org_id, stream_id, hour, user_id, source, reports, durations, duration_total, records, errors, queue_depth_maximum,
    queue_age_maximum
  )
  values (
    v_caller.org_id, stream_id, date_trunc('hour', reported_at, 'UTC'), v_user_id, p_source, 1,
    (v_metrics ? 'sync_duration_ms')::integer, coalesce((v_metrics -> 'sync_duration_ms')::bigint, 0),
    coalesce((v_metrics -> 'record_count')::bigint, 0), coalesce((v_metrics -> 'error_count')::bigint, 0),
    (v_metrics -> 'queue_depth')::bigint,
    case
      when v_metrics -> 'queue_depth' <> '0' is not false
        then greatest(reported_at - (v_metrics ->> 'oldest_pending_at')::timestamptz, '0')
    end
  )
  on conflict (org_id, stream_id, hour) do update
  set
    reports = k.reports + 1,
    durations = k.durations + excluded.durations,
    duration_total = k.duration_total + excluded.duration_total,
    records = k.records + excluded.records,
    errors = k.errors + excluded.errors,
    queue_depth_maximum = greatest(k.queue_depth_maximum, excluded.queue_depth_maximum),
    queue_age_maximum = greatest(k.queue_age_maximum, excluded.queue_age_maximum);

  if not is_newest or not v_metrics ?| '{queue_depth,oldest_pending_at}' then
    return;
  end if;
  if v_told.queue_depth is not distinct from v_told.queue_depth_before
    and v_told.oldest_pending_at is not distinct from v_told.oldest_pending_before
  then
    -- that it was told again is known to the minute
    update syncwell.stream_states as t set queue_reported_at = v_now
    where t.org_id = v_caller.org_id
      and t.stream_id = update_sync_health_metrics.stream_id
      and t.queue_reported_at < v_now - interval '1 minute';
    return;
  end if;
  update syncwell.stream_states as t
  set
    queue_depth = case
      -- sums of such are not kept up but counted anew
      when greatest(t.queue_depth, v_told.queue_depth, v_told.queue_depth_before) > 1000000000000000 then t.queue_depth
      when coalesce(t.queue_depth, v_told.queue_depth) is not null
        then greatest(
          coalesce(t.queue_depth, 0) + coalesce(v_told.queue_depth, 0) - coalesce(v_told.queue_depth_before, 0), 0
        )
    end,
    queue_oldest_at = least(t.queue_oldest_at, v_told.oldest_pending_at),
    queue_reported_at = v_now
  where t.org_id = v_caller.org_id and t.stream_id = update_sync_health_metrics.stream_id
  returning
    coalesce(greatest(t.queue_depth, v_told.queue_depth, v_told.queue_depth_before) > 1000000000000000, false)
    -- it had waited the longest of all, and does no more: which does now?
    or coalesce(
      t.queue_oldest_at = v_told.oldest_pending_before
      and v_told.oldest_pending_at is distinct from v_told.oldest_pending_before,
      false
    )
  into v_is_unsure;
  if not found then
    insert into syncwell.stream_states (org_id, stream_id, user_id, source, queue_reported_at)
    values (v_caller.org_id, stream_id, v_user_id, p_source, v_now)
    on conflict (org_id, stream_id) do update set queue_reported_at = excluded.queue_reported_at;
    v_is_unsure := true;
  end if;
  if v_is_unsure then
    perform syncwell._recount_queue(v_caller.org_id, stream_id);
  end if;
end
$$;
comment on function syncwell.update_sync_health_metrics(uuid, text, jsonb) is
'What a device tells of its syncing. p_user_id NULL: the caller''s own stream of p_source, for a service the org''s '
'own; admins and services may name a user. p_metrics, an object of any of: sync_duration_ms (how long its last sync '
'took), record_count, error_count (of that sync), queue_depth (operations that wait on it), oldest_pending_at (since '
'when the oldest of them waits; null: none does), platform (android, ios, web, server, other), device_id (at most 255 '
'characters) and network (64), both kept with consent, and reported_at (default: now). Numbers run from 0 to 2^63 - 1, '
'times are ISO 8601 with an offset and at most 5 minutes ahead. Per device the newest reported_at wins, whatever '
'arrives first, and what it leaves out stays as it was told before; a late report counts into the hours '
'(sync_health_hours) only. A report that is sent again (same device and reported_at, among the last 32 of the device) '
'changes nothing. The stream is made on first use, takes the platform where it has none, and keeps the sum of the '
'queues and the oldest operation of all its devices. Returns the stream, the reported_at taken, and whether it is the '
'newest of the device. Errors: SW001, SW002, 22004, 22023 (p_source), SW605 with the key named for anything unknown, '
'negative, not finite, too large, not of its kind, to come, or longer ago than setting health.history_retention.';
revoke all on function syncwell.update_sync_health_metrics(uuid, text, jsonb) from public;
grant execute on function syncwell.update_sync_health_metrics(uuid, text, jsonb) to syncwell_client, syncwell_worker;
