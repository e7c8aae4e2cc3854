create or replace function syncwell._check_channel(p_channel text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_channel is null then
    raise exception using
      errcode = '22004',
      message = 'the name of a channel is needed',
      detail = 'p_channel is NULL.',
      hint = 'Pass the name that the deliverer''s configuration gives it.';
  end if;
  if p_channel !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$' then
    raise exception using
      errcode = '22023',
      message = 'this is no name of a channel',
      detail = format('p_channel is %L.', left(p_channel, 100)),
      hint = 'Letters, digits, _, . and -, at most 63, beginning with a letter or digit.';
  end if;
end
$$;
comment on function syncwell._check_channel(text) is
'Refuses a name of a channel that is NULL (22004) or none (22023).';
revoke all on function syncwell._check_channel(text) from public;
