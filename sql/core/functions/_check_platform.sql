create or replace function syncwell._check_platform(p_platform text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_platform not in ('android', 'ios', 'web', 'server', 'other') then
    raise exception using
      errcode = '22023',
      message = 'unknown platform',
      detail = format('p_platform is %L.', left(p_platform, 100)),
      hint = 'Pass android, ios, web, server or other, or leave it out.';
  end if;
end
$$;
comment on function syncwell._check_platform(text) is 'Refuses (22023) a platform that is not one; NULL passes.';
revoke all on function syncwell._check_platform(text) from public;
