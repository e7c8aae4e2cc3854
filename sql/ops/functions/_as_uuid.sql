create or replace function syncwell._as_uuid(p_text text)
returns uuid
language sql immutable security invoker parallel safe
return case when p_text ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then p_text::uuid end;
comment on function syncwell._as_uuid(text) is 'The text as a UUID; NULL where it is none.';
revoke all on function syncwell._as_uuid(text) from public;
