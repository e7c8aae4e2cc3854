create or replace function syncwell._check_period(p_period text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_period is null then
    raise exception using
      errcode = '22004',
      message = 'a period is needed',
      detail = 'p_period is NULL.',
      hint = 'Pass hour, day or week, or leave it out for the default.';
  end if;
  if p_period not in ('hour', 'day', 'week') then
    raise exception using
      errcode = '22023',
      message = 'unknown period',
      detail = format('p_period is %L.', left(p_period, 100)),
      hint = 'Pass hour, day or week.';
  end if;
end
$$;
comment on function syncwell._check_period(text) is
'Refuses a period that is NULL (22004) or not hour, day or week (22023).';
revoke all on function syncwell._check_period(text) from public;
