create or replace function syncwell._check_duration(
  p_name text,
  p_value interval,
  p_minimum interval,
  p_maximum interval
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_value not between p_minimum and p_maximum then
    raise exception using
      errcode = '22023',
      message = format('%s is out of range', p_name),
      detail = format('It is %s.', p_value),
      hint = format('Pass an interval from %s to %s.', p_minimum, p_maximum);
  end if;
end
$$;
comment on function syncwell._check_duration(text, interval, interval, interval) is
'Refuses (22023) an interval outside p_minimum to p_maximum; NULL passes.';
revoke all on function syncwell._check_duration(text, interval, interval, interval) from public;
