create or replace function syncwell._event_name(
  p_occurred_at timestamptz,
  p_payload jsonb
)
returns text
language sql stable security invoker parallel safe
return 'sha256:' || pg_catalog.encode(
  pg_catalog.sha256(pg_catalog.convert_to(extract(epoch from p_occurred_at)::text || p_payload::text, 'UTF8')), 'hex'
);
comment on function syncwell._event_name(timestamptz, jsonb) is
'What an event is called that its source gave no name: sha256: and a hash of when it happened and what it says.';
revoke all on function syncwell._event_name(timestamptz, jsonb) from public;
