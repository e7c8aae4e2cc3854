create or replace function syncwell._stream_settings(
  p_settings jsonb,
  p_overrides jsonb,
  p_source text,
  p_platform text
)
returns jsonb
language sql immutable security invoker parallel safe
return case
  when p_overrides is null then p_settings
  else coalesce(
    p_overrides -> (p_source || '|' || coalesce(p_platform, '')),
    p_overrides -> (p_source || '|'),
    p_overrides -> ('|' || p_platform),
    p_settings
  )
end;
comment on function syncwell._stream_settings(jsonb, jsonb, text, text) is
'A stream''s document among those of _health_settings(): that of its source and platform, of its source, of its '
'platform, of the org.';
revoke all on function syncwell._stream_settings(jsonb, jsonb, text, text) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._stream_settings(jsonb, jsonb, text, text) to syncwell_reader;
