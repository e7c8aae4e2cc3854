create or replace function syncwell._import_time(
  p_row jsonb,
  p_key text,
  p_latest timestamptz default 'infinity'
)
returns timestamptz
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_time constant timestamptz := syncwell._iso_time(p_row ->> p_key);
begin
  if v_time is null and p_row ->> p_key is not null then
    raise exception using
      errcode = '22007',
      message = format('%s is no time with an offset', p_key),
      detail = 'A time without one is another in every session.',
      hint = 'Cast it to timestamptz, or say: at time zone.';
  end if;
  return case when v_time is not null then least(v_time, p_latest) end;
end
$$;
comment on function syncwell._import_time(jsonb, text, timestamptz) is
'A time of a row of import_existing(); NULL where there is none, p_latest where it is later. Errors: 22007 for '
'anything but a time with an offset.';
revoke all on function syncwell._import_time(jsonb, text, timestamptz) from public;
