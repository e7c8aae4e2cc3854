create or replace function syncwell._dedup_hash(
  p_id uuid,
  p_user_id uuid,
  p_operation_type text,
  p_payload jsonb,
  p_dedup_key text,
  p_dedup_mode text
)
returns uuid
language sql immutable security invoker parallel safe
return case
  when p_dedup_mode = 'none' then p_id
  else pg_catalog.md5(pg_catalog.concat_ws(
    chr(31),
    coalesce(p_user_id::text, '-'),
    p_operation_type,
    case
      when p_dedup_key is not null then ':' || p_dedup_key
      -- equal for what is equal as jsonb: in any order of keys, and 1.0 = 1
      else '=' || pg_catalog.jsonb_hash_extended(p_payload, 0) || '.' || pg_catalog.jsonb_hash_extended(p_payload, 1)
    end
  ))::uuid
end;
comment on function syncwell._dedup_hash(uuid, uuid, text, jsonb, text, text) is
'What makes two operations of an org twins: user, type, and the key that was given, else the payload, compared as '
'jsonb. Mode none: the id itself, that nothing shares.';
revoke all on function syncwell._dedup_hash(uuid, uuid, text, jsonb, text, text) from public;
