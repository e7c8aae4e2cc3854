create or replace function syncwell._check_count(
  p_name text,
  p_value bigint
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_value < 0 then
    raise exception using
      errcode = '22023',
      message = format('%s is negative', p_name),
      detail = format('It is %s.', p_value),
      hint = 'Counts start at 0; leave out what is not known.';
  end if;
end
$$;
comment on function syncwell._check_count(text, bigint) is 'Refuses (22023) a negative count; NULL (unknown) passes.';
revoke all on function syncwell._check_count(text, bigint) from public;
