create or replace function syncwell._plain_local_id(p_local_id text)
returns text
language sql immutable security invoker parallel safe
return coalesce(
  nullif(
    pg_catalog.regexp_replace(pg_catalog.lower(p_local_id), '[[:space:][:punct:]]+', '', 'g'), ''
  ),
  p_local_id
);
comment on function syncwell._plain_local_id(text) is
'A local id without what devices spell differently: letter case, spaces, punctuation.';
revoke all on function syncwell._plain_local_id(text) from public;
