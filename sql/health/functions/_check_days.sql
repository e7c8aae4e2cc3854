create or replace function syncwell._check_days(p_days integer)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_days is null then
    raise exception using
      errcode = '22004',
      message = 'a number of days is needed',
      detail = 'p_days is NULL.',
      hint = 'Pass a number from 1 to 3660, or leave it out for the default.';
  end if;
  if p_days not between 1 and 3660 then
    raise exception using
      errcode = '22023',
      message = 'p_days is out of range',
      detail = format('It is %s.', p_days),
      hint = 'Pass a number from 1 to 3660.';
  end if;
end
$$;
comment on function syncwell._check_days(integer) is
'Refuses a number of days that is NULL (22004) or outside 1 to 3660 (22023).';
revoke all on function syncwell._check_days(integer) from public;
