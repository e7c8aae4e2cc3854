create or replace function syncwell._check_source(p_source text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_source is null then
    raise exception using
      errcode = '22004',
      message = 'a source is needed',
      detail = 'p_source is NULL.',
      hint = 'Name what is synced, e.g. ''calls'' or ''todoist''.';
  end if;
  if p_source !~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$' then
    raise exception using
      errcode = '22023',
      message = 'this is no name of a source',
      detail = format('p_source is %L.', left(p_source, 100)),
      hint = 'A letter or digit, then up to 99 letters, digits or _ . : / -';
  end if;
end
$$;
comment on function syncwell._check_source(text) is 'Refuses a source that is NULL (22004) or not a name (22023).';
revoke all on function syncwell._check_source(text) from public;
