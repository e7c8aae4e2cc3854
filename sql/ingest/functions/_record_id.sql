create or replace function syncwell._record_id(
  p_session_id uuid,
  p_kind text,
  p_occurred_at timestamptz
)
returns uuid
language sql immutable security invoker parallel safe
return (
  pg_catalog.lpad(
    pg_catalog.to_hex((extract(epoch from p_occurred_at - timestamptz 'epoch') * 1000000)::bigint / 1000), 12, '0'
  )
  -- version 7, and the fraction of the millisecond, as syncwell._uuid7() has it
  || pg_catalog.to_hex(
    28672 + (extract(epoch from p_occurred_at - timestamptz 'epoch') * 1000000)::bigint % 1000 * 4096 / 1000
  )
  || '8'
  || pg_catalog.substr(
    pg_catalog.md5(
      p_session_id::text || p_kind || (extract(epoch from p_occurred_at - timestamptz 'epoch') * 1000000)::bigint::text
    ),
    1, 15
  )
)::uuid;
comment on function syncwell._record_id(uuid, text, timestamptz) is
'The id of the record of a kind at a time in a session: a UUIDv7 of the time whose random digits are a hash of the '
'three, so that the same record gets the same id wherever and however often it arrives. NULL for NULL.';
revoke all on function syncwell._record_id(uuid, text, timestamptz) from public;
