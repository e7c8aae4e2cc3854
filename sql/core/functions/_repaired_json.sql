create or replace function syncwell._repaired_json(p_text text)
returns json
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_text text := p_text;
begin
  if strpos(v_text, '\u0000') > 0 or strpos(v_text, '\ud') > 0 or strpos(v_text, '\uD') > 0 then
    -- then every backslash that is left begins an escape
    v_text := replace(v_text, '\\', '\u005c');
    v_text := replace(v_text, '\u0000', '\ufffd');
    v_text := regexp_replace(
      v_text, '\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})', '\\ufffd', 'g'
    );
    v_text := regexp_replace(
      v_text, '(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\\ufffd', 'g'
    );
  end if;
  return v_text::json;
end
$$;
comment on function syncwell._repaired_json(text) is
'The JSON text with U+FFFD for what no text here can hold: \u0000 and surrogates without their other half. One such '
'character would make the whole document unreadable.';
revoke all on function syncwell._repaired_json(text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._repaired_json(text) to syncwell_client;
