create or replace function syncwell._checked_metrics(
  p_metrics jsonb,
  p_now timestamptz
)
returns jsonb
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_keys constant text[] := array[
    'sync_duration_ms', 'record_count', 'error_count', 'queue_depth', 'oldest_pending_at', 'platform', 'device_id',
    'network', 'reported_at'
  ];
  v_platform text;
begin
  if p_metrics is null then
    raise exception using
      errcode = '22004',
      message = 'metrics are needed',
      detail = 'p_metrics is NULL.',
      hint = 'Pass an object, e.g. {"queue_depth": 0}.';
  end if;
  if jsonb_typeof(p_metrics) <> 'object' then
    perform syncwell._refuse_metric('p_metrics', format('is of type %s and no object', jsonb_typeof(p_metrics)));
  end if;
  if p_metrics = '{}' then
    perform syncwell._refuse_metric('p_metrics', 'tells nothing');
  end if;
  if p_metrics - c_keys <> '{}' then
    perform syncwell._refuse_metric(
      (
        select quote_literal(left(min(k.key), 100))
        from jsonb_object_keys(p_metrics) as k (key)
        where k.key <> all(c_keys)
      ),
      'is no metric'
    );
  end if;
  v_platform := syncwell._metric_text(p_metrics, 'platform', 100);
  if v_platform not in ('android', 'ios', 'web', 'server', 'other') then
    perform syncwell._refuse_metric('platform', 'is none of android, ios, web, server and other');
  end if;
  return jsonb_strip_nulls(jsonb_build_object(
    'sync_duration_ms', syncwell._metric_count(p_metrics, 'sync_duration_ms'),
    'record_count', syncwell._metric_count(p_metrics, 'record_count'),
    'error_count', syncwell._metric_count(p_metrics, 'error_count'),
    'queue_depth', syncwell._metric_count(p_metrics, 'queue_depth'),
    'platform', v_platform,
    'device_id', syncwell._metric_text(p_metrics, 'device_id', 255),
    'network', syncwell._metric_text(p_metrics, 'network', 64),
    'reported_at', syncwell._metric_time(p_metrics, 'reported_at', p_now)
  )) || case
    -- told as null: nothing waits
    when p_metrics ? 'oldest_pending_at'
      then jsonb_build_object('oldest_pending_at', syncwell._metric_time(p_metrics, 'oldest_pending_at', p_now))
    else '{}'
  end;
end
$$;
comment on function syncwell._checked_metrics(jsonb, timestamptz) is
'Metrics in their plain form: numbers rounded, what is null or empty left out (but oldest_pending_at). Errors: 22004, '
'SW605 with the key for what is unknown, not of its kind, negative, too large, too long or more than 5 minutes after '
'p_now.';
revoke all on function syncwell._checked_metrics(jsonb, timestamptz) from public;
