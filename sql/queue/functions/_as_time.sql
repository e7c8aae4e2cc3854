create or replace function syncwell._as_time(p_text text)
returns timestamptz
language plpgsql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
as $$
begin
  if p_text !~ '^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'
    or p_text is null
  then
    return null;
  end if;
  return p_text::timestamptz;
exception
  when datetime_field_overflow or invalid_datetime_format then
    return null;
end
$$;
comment on function syncwell._as_time(text) is
'A time of the years 2000 to 2199 from its ISO 8601 text with offset; NULL for any other text.';
revoke all on function syncwell._as_time(text) from public;
