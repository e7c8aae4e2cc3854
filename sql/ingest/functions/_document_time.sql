create or replace function syncwell._document_time(
  p_document json,
  p_member text
)
returns timestamptz
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_value constant json := p_document -> p_member;
  v_text constant text := p_document ->> p_member;
  v_time timestamptz;
begin
  v_time := case
    when json_typeof(v_value) = 'string' then syncwell._as_time(v_text)
    when json_typeof(v_value) = 'number' and v_text ~ '^[0-9]{1,15}([.][0-9]{1,9})?$'
      then to_timestamp(v_text::double precision / 1000)
  end;
  if v_time is null and v_text is not null then
    raise exception using
      errcode = '22023',
      message = 'this is no time',
      detail = format('%s of the document is not understood.', p_member),
      hint = 'Send ISO 8601 with an offset, from the year 2000 on, or milliseconds since 1970 as a number.';
  end if;
  return v_time;
end
$$;
comment on function syncwell._document_time(json, text) is
'A time in a session document: ISO 8601 with offset, or milliseconds since 1970; NULL where there is none. Errors: '
'22023.';
revoke all on function syncwell._document_time(json, text) from public;
