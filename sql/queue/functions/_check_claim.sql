create or replace function syncwell._check_claim(
  p_limit integer,
  p_lease interval,
  p_worker text
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._check_limit(p_limit);
  if p_lease is null then
    raise exception using
      errcode = '22004',
      message = 'a time for the lease is needed',
      detail = 'p_lease is NULL.',
      hint = 'Leave it out for a minute.';
  end if;
  perform syncwell._check_duration('p_lease', p_lease, '1 second', '1 day');
  perform syncwell._check_text('p_worker', p_worker, 200);
end
$$;
comment on function syncwell._check_claim(integer, interval, text) is
'Refuses what claim_operations() can not do: 22004, 22023, 22001.';
revoke all on function syncwell._check_claim(integer, interval, text) from public;
