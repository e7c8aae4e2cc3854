create or replace function syncwell.grant_consent(p_scope text)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user constant record := syncwell._consenting_user();
begin
  perform syncwell._check_scope(p_scope);
  insert into syncwell.consents (org_id, user_id, scope, granted_at)
  values (v_user.org_id, v_user.user_id, p_scope, syncwell._now())
  on conflict (org_id, user_id, scope) where revoked_at is null do nothing;
  return found;
end
$$;
comment on function syncwell.grant_consent(text) is
'The calling user consents to p_scope (consent_scopes lists them), from now on; false when it had already. Errors: '
'SW001, SW020, 42501 (a service is no user).';
revoke all on function syncwell.grant_consent(text) from public;
grant execute on function syncwell.grant_consent(text) to syncwell_client;
