create or replace function syncwell._client_fact(
  p_client jsonb,
  p_key text
)
returns text
language sql immutable security invoker parallel safe
return
case
  when pg_catalog.jsonb_typeof(p_client -> p_key) = 'string'
    then nullif(pg_catalog.left(pg_catalog.btrim(p_client ->> p_key), 64), '')
end;
comment on function syncwell._client_fact(jsonb, text) is
'What a client says of itself under a key: a text, cut to 64 characters; NULL for everything else.';
revoke all on function syncwell._client_fact(jsonb, text) from public;
