create or replace function syncwell._is_safe_id(p_id text)
returns boolean
language sql immutable security invoker parallel safe
return p_id !~ '[\s''"`\\/$\x01-\x1f\x7f]';
comment on function syncwell._is_safe_id(text) is
'Whether the text has none of the characters that clients don''t escape in ids: quotes, backslash, slash, dollar, '
'spaces and control characters.';
revoke all on function syncwell._is_safe_id(text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._is_safe_id(text) to syncwell_client;
