create or replace function syncwell._order_hash(
  p_user_id uuid,
  p_ordering_key text
)
returns bigint
language sql immutable security invoker parallel safe
return case
  when p_ordering_key is not null
    then pg_catalog.hashtextextended(coalesce(p_user_id::text, '-') || chr(31) || p_ordering_key, 0)
end;
comment on function syncwell._order_hash(uuid, text) is
'By what the operations of one user and ordering key are found; others may share it.';
revoke all on function syncwell._order_hash(uuid, text) from public;
