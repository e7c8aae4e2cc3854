create or replace function syncwell._stream_limits(
  p_limits syncwell.health_limits,
  p_overrides jsonb,
  p_source text,
  p_platform text
)
returns syncwell.health_limits
language sql immutable security invoker parallel safe
return coalesce(
  jsonb_populate_record(
    null::syncwell.health_limits,
    syncwell._stream_settings(null, p_overrides, p_source, p_platform)
  ),
  p_limits
);
comment on function syncwell._stream_limits(syncwell.health_limits, jsonb, text, text) is
'A stream''s limits: those of its source and platform among the overrides of _health_settings(), else p_limits, which '
'are the org''s.';
revoke all on function syncwell._stream_limits(syncwell.health_limits, jsonb, text, text) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._stream_limits(syncwell.health_limits, jsonb, text, text) to syncwell_reader;
