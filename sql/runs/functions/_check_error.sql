create or replace function syncwell._check_error(
  p_message text,
  p_code text,
  p_http_status integer,
  p_details jsonb
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_message is null then
    raise exception using
      errcode = '22004',
      message = 'a message is needed',
      detail = 'p_message is NULL.',
      hint = 'Say what went wrong; an empty text will do.';
  end if;
  perform syncwell._check_text('p_message', p_message, 8192);
  perform syncwell._check_text('p_code', p_code, 255);
  if p_http_status not between 100 and 599 then
    raise exception using
      errcode = '22023',
      message = 'this is no HTTP status',
      detail = format('p_http_status is %s.', p_http_status),
      hint = 'Pass 100 to 599, or leave it out.';
  end if;
  if octet_length(p_details::text) > 65536 then
    raise exception using
      errcode = '22001',
      message = 'p_details is too long',
      detail = format('It has %s bytes; at most 65536 are kept.', octet_length(p_details::text)),
      hint = 'Keep what helps to understand the error.';
  end if;
end
$$;
comment on function syncwell._check_error(text, text, integer, jsonb) is
'Refuses an error without a message (22004), too long (22001) or with an impossible HTTP status (22023).';
revoke all on function syncwell._check_error(text, text, integer, jsonb) from public;
