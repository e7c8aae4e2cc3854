create or replace function syncwell._uuid7(p_time timestamptz)
returns uuid
language plpgsql volatile security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_micros constant bigint := floor(extract(epoch from p_time) * 1000000);
  v_bytes bytea := uuid_send(gen_random_uuid());
begin
  v_bytes := overlay(v_bytes placing substring(int8send(v_micros / 1000) from 3) from 1 for 6);
  -- the fraction of the millisecond in the 12 bits after the version keeps ids of one millisecond in order
  v_bytes := overlay(
    v_bytes placing substring(int4send(28672 + ((v_micros % 1000) * 4096 / 1000)::integer) from 3) from 7 for 2
  );
  return encode(v_bytes, 'hex')::uuid;
end
$$;
comment on function syncwell._uuid7(timestamptz) is
'A new UUIDv7 (RFC 9562, method 3: sub-millisecond fraction in rand_a) of p_time, which must not lie before 1970.';
revoke all on function syncwell._uuid7(timestamptz) from public;
