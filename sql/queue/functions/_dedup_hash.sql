create or replace function syncwell._dedup_hash(
  p_id uuid,
  p_user_id uuid,
  p_operation_type text,
  p_payload jsonb,
  p_dedup_key text,
  p_dedup_mode text
)
returns uuid
-- in such a form that it becomes part of the statement that calls it
language sql stable security invoker parallel safe
return case
  when p_dedup_mode = 'none' then p_id
  else pg_catalog.md5(row(
    p_user_id,
    p_operation_type,
    p_dedup_key,
    -- equal for what is equal as jsonb: in any order of keys, and 1.0 = 1
    case when p_dedup_key is null then pg_catalog.jsonb_hash_extended(p_payload, 0) end,
    case when p_dedup_key is null then pg_catalog.jsonb_hash_extended(p_payload, 1) end
  )::text)::uuid
end;
comment on function syncwell._dedup_hash(uuid, uuid, text, jsonb, text, text) is
'What makes two operations of an org twins: user, type, and the key that was given, else the payload, compared as '
'jsonb. Mode none: the id itself, that nothing shares.';
revoke all on function syncwell._dedup_hash(uuid, uuid, text, jsonb, text, text) from public;
