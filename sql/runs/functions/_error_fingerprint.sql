create or replace function syncwell._error_fingerprint(
  p_class text,
  p_code text,
  p_http_status integer,
  p_message text
)
returns text
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
declare
  v_text text := lower(p_message);
begin
  v_text := regexp_replace(v_text, '"[^"]*"|''[^'']*''|`[^`]*`', '?', 'g');
  v_text := regexp_replace(v_text, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '?', 'g');
  v_text := regexp_replace(v_text, '\m(0x[0-9a-f]+|(?=[a-f]*[0-9])[0-9a-f]{6,})\M', '?', 'g');
  v_text := regexp_replace(v_text, '[0-9]+', '?', 'g');
  v_text := btrim(regexp_replace(v_text, '\s+', ' ', 'g'));
  return md5(concat_ws(chr(31), p_class, coalesce(p_code, ''), coalesce(p_http_status::text, ''), v_text));
end
$$;
comment on function syncwell._error_fingerprint(text, text, integer, text) is
'What makes two errors the same: MD5 of class, code, HTTP status and the message in lower case with quoted parts, '
'uuids, hex numbers and digits replaced by ?.';
revoke all on function syncwell._error_fingerprint(text, text, integer, text) from public;
