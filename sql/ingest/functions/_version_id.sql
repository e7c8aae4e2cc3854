create or replace function syncwell._version_id(
  p_content_hash uuid,
  p_client_at timestamptz
)
returns uuid
language sql immutable security invoker parallel safe
return pg_catalog.md5(
  p_content_hash::text || (extract(epoch from p_client_at - timestamptz 'epoch') * 1000000)::bigint::text
)::uuid;
comment on function syncwell._version_id(uuid, timestamptz) is
'Tells versions of an event or record apart: by content and by when the client says that it wrote it. NULL for NULL.';
revoke all on function syncwell._version_id(uuid, timestamptz) from public;
