create or replace function syncwell._is_plain_metrics(p_metrics jsonb)
returns boolean
language sql immutable security invoker parallel safe
-- becomes part of the expression that calls it; days that every month has, since others may not exist
return case
  when pg_catalog.jsonb_typeof(p_metrics) = 'object'
    then
      coalesce(p_metrics @@ '
  (!exists($.sync_duration_ms) || $.sync_duration_ms.type() == "number" && $.sync_duration_ms >= 0 && $.sync_duration_ms <= 1000000000000000) &&
  (!exists($.record_count) || $.record_count.type() == "number" && $.record_count >= 0 && $.record_count <= 1000000000000000) &&
  (!exists($.error_count) || $.error_count.type() == "number" && $.error_count >= 0 && $.error_count <= 1000000000000000) &&
  (!exists($.queue_depth) || $.queue_depth.type() == "number" && $.queue_depth >= 0 && $.queue_depth <= 1000000000000000) &&
  (!exists($.oldest_pending_at) || $.oldest_pending_at.type() == "string" && $.oldest_pending_at like_regex
    "^20[0-9]{2}-(0[1-9]|1[0-2])-([01][1-9]|10|2[0-8])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]+)?(Z|[+-]0[0-9]:[0-5][0-9])$") &&
  (!exists($.reported_at) || $.reported_at.type() == "string" && $.reported_at like_regex
    "^20[0-9]{2}-(0[1-9]|1[0-2])-([01][1-9]|10|2[0-8])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]+)?(Z|[+-]0[0-9]:[0-5][0-9])$") &&
  (!exists($.platform) || $.platform.type() == "string" && (
    $.platform == "android" || $.platform == "ios" || $.platform == "web" || $.platform == "server"
    || $.platform == "other")) &&
  (!exists($.device_id) || $.device_id.type() == "string") &&
  (!exists($.network) || $.network.type() == "string")
'::jsonpath, false)
      and p_metrics - '{
    sync_duration_ms, record_count, error_count, queue_depth, oldest_pending_at, platform, device_id, network, reported_at
  }'::text[] = '{}'
      and p_metrics <> '{}'
      and coalesce(pg_catalog.length(p_metrics ->> 'device_id') <= 255, true)
      and coalesce(pg_catalog.length(p_metrics ->> 'network') <= 64, true)
  else false
end;
comment on function syncwell._is_plain_metrics(jsonb) is
'Whether every metric is good by its form, as devices nearly always tell them: a glance, since each report takes it. '
'For the rest, and for what is wrong, see _checked_metrics().';
revoke all on function syncwell._is_plain_metrics(jsonb) from public;
