create or replace function syncwell._check_limit(p_limit integer)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_limit is null then
    raise exception using
      errcode = '22004',
      message = 'a limit is needed',
      detail = 'The limit is NULL.',
      hint = 'Pass a number from 1 to 1000, or leave it out for the default.';
  end if;
  if p_limit not between 1 and 1000 then
    raise exception using
      errcode = '22023',
      message = 'limit out of range',
      detail = format('The limit is %s.', p_limit),
      hint = 'Pass a number from 1 to 1000.';
  end if;
end
$$;
comment on function syncwell._check_limit(integer) is
'Refuses a limit that is NULL (22004) or outside 1 to 1000 (22023).';
revoke all on function syncwell._check_limit(integer) from public;
