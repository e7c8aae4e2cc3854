create or replace function syncwell._shows_details(
  p_org_id uuid,
  p_user_id uuid
)
returns boolean
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return not syncwell._setting(p_org_id, 'consent_required')::boolean
    or syncwell._has_consent(p_org_id, p_user_id, 'detailed_monitoring');
end
$$;
comment on function syncwell._shows_details(uuid, uuid) is
'Whether details of a user''s streams may be stored and shown: the org requires no consent, or the user has given it.';
revoke all on function syncwell._shows_details(uuid, uuid) from public;
