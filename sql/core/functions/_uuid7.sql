create or replace function syncwell._uuid7(p_time timestamptz)
returns uuid
language plpgsql volatile security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  -- milliseconds * 4096: what is left below a millisecond, in the 12 bits after the version, keeps ids in order
  v_time constant bigint := floor(extract(epoch from p_time) * 1000000)::bigint * 512 / 125;
begin
  return encode(
    int8send(((v_time & -4096) << 4) | 28672 | (v_time & 4095)) || substring(uuid_send(gen_random_uuid()) from 9), 'hex'
  )::uuid;
end
$$;
comment on function syncwell._uuid7(timestamptz) is
'A new UUIDv7 (RFC 9562, method 3: sub-millisecond fraction in rand_a) of p_time, which must not lie before 1970.';
revoke all on function syncwell._uuid7(timestamptz) from public;
