create or replace function syncwell._has_consent(
  p_org_id uuid,
  p_user_id uuid,
  p_scope text
)
returns boolean
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (
    select from syncwell.consents as c
    where c.org_id = p_org_id and c.user_id = p_user_id and c.scope = p_scope and c.revoked_at is null
  );
end
$$;
comment on function syncwell._has_consent(uuid, uuid, text) is 'Whether a user''s consent to p_scope is in force.';
revoke all on function syncwell._has_consent(uuid, uuid, text) from public;
