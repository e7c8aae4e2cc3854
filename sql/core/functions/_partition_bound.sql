create or replace function syncwell._partition_bound(
  p_key_kind text,
  p_month timestamptz
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return case p_key_kind
    when 'uuid7' then syncwell._uuid7_floor(p_month)::text
    else to_char(p_month at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"')
  end;
end
$$;
comment on function syncwell._partition_bound(text, timestamptz) is
'The literal at which the partition of a month starts: a UUIDv7 floor or a UTC time.';
revoke all on function syncwell._partition_bound(text, timestamptz) from public;
