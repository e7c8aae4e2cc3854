create or replace function syncwell._uuid7_floor(p_time timestamptz)
returns uuid
language sql immutable strict security invoker parallel safe
return pg_catalog.rpad(
  pg_catalog.encode(
    pg_catalog.substring(
      pg_catalog.int8send(
        pg_catalog.floor(extract(epoch from greatest(p_time, 'epoch'::timestamptz)) * 1000)::bigint
      ),
      3
    ),
    'hex'
  ),
  32, '0'
)::uuid;
comment on function syncwell._uuid7_floor(timestamptz) is
'The smallest UUID of the millisecond of p_time: id >= _uuid7_floor(t) selects the UUIDv7 ids from t on and prunes '
'partitions.';
revoke all on function syncwell._uuid7_floor(timestamptz) from public;
