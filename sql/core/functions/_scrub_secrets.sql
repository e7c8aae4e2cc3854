create or replace function syncwell._scrub_secrets(p_text text)
returns text
language plpgsql immutable strict security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
declare
  v_text text := p_text;
begin
  -- user:password@ in a URL, bearer and basic credentials, JSON web tokens, name=value pairs
  v_text := regexp_replace(v_text, '(://[^/\s:@]*:)[^\s/]+@', '\1***@', 'g');
  v_text := regexp_replace(v_text, '\m(bearer|basic)\s+[A-Za-z0-9+/._~=-]{8,}', '\1 ***', 'gi');
  v_text := regexp_replace(v_text, '\meyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)?', '***', 'g');
  return regexp_replace(
    v_text,
    '((password|passwd|passphrase|pwd|secret|api[_-]?key|token)["'']?\s*[=:]\s*)("[^"]*"|''[^'']*''|[^\s,;&"'']+)',
    '\1***',
    'gi'
  );
end
$$;
comment on function syncwell._scrub_secrets(text) is
'The text with what looks like a secret replaced by ***: passwords in URLs, bearer and basic credentials, JSON web '
'tokens, password=…, token: … and the like.';
revoke all on function syncwell._scrub_secrets(text) from public;
