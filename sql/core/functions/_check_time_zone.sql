create or replace function syncwell._check_time_zone(p_time_zone text)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_time_zone is null then
    return;
  end if;
  perform from pg_timezone_names as z where z.name = p_time_zone;
  if not found then
    raise exception using
      errcode = '22023',
      message = 'unknown time zone',
      detail = format('%L is not in pg_timezone_names.', left(p_time_zone, 100)),
      hint = 'Use an IANA name such as Europe/Berlin.';
  end if;
end
$$;
comment on function syncwell._check_time_zone(text) is
'Refuses (22023) a time zone this server does not know; NULL passes.';
revoke all on function syncwell._check_time_zone(text) from public;
