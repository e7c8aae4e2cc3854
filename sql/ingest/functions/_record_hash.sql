create or replace function syncwell._record_hash(
  p_data_source text,
  p_spo2 double precision,
  p_heart_rate double precision,
  p_payload jsonb,
  p_local_id text
)
returns uuid
language sql immutable security invoker parallel safe
return pg_catalog.md5(pg_catalog.concat_ws(
  '|',
  coalesce(p_data_source, '-'),
  coalesce(pg_catalog.encode(pg_catalog.float8send(p_spo2), 'hex'), '-'),
  coalesce(pg_catalog.encode(pg_catalog.float8send(p_heart_rate), 'hex'), '-'),
  coalesce(p_payload::text, '-'),
  coalesce(p_local_id, '-')
))::uuid;
comment on function syncwell._record_hash(text, double precision, double precision, jsonb, text) is
'A hash of what a session record says.';
revoke all on function syncwell._record_hash(text, double precision, double precision, jsonb, text) from public;
