create or replace function syncwell._uuid7_time(p_id uuid)
returns timestamptz
language sql immutable strict security invoker parallel safe
return pg_catalog.to_timestamp(
  ('x' || pg_catalog.left(pg_catalog.replace(p_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0
);
comment on function syncwell._uuid7_time(uuid) is 'The time in a UUIDv7, to the millisecond.';
revoke all on function syncwell._uuid7_time(uuid) from public;
