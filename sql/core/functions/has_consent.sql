create or replace function syncwell.has_consent(
  p_user_id uuid,
  p_scope text
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller constant record := syncwell._caller();
begin
  perform syncwell._note_access('has_consent', p_user_id);
  perform syncwell._check_shown_user(p_user_id);
  perform syncwell._check_scope(p_scope);
  return syncwell._has_consent(v_caller.org_id, coalesce(p_user_id, v_caller.user_id), p_scope);
end
$$;
comment on function syncwell.has_consent(uuid, text) is
'Whether the consent of p_user_id (NULL: the caller itself) to p_scope is in force; false for a service itself. It may '
'decide nothing: that is for setting consent_required. Asking about another user is written to the access log. '
'Errors: SW001, SW002, SW020, 25006.';
revoke all on function syncwell.has_consent(uuid, text) from public;
grant execute on function syncwell.has_consent(uuid, text) to syncwell_client, syncwell_reader, syncwell_worker;
