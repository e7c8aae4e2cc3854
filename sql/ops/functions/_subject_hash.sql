create or replace function syncwell._subject_hash(p_user_id text)
returns bytea
language sql immutable strict security invoker parallel safe
return pg_catalog.sha256(pg_catalog.convert_to(p_user_id, 'UTF8'));
comment on function syncwell._subject_hash(text) is
'By what an erased user is known: whoever has the id can tell that it was erased, and nobody gets the id from it.';
revoke all on function syncwell._subject_hash(text) from public;
