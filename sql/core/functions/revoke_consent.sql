create or replace function syncwell.revoke_consent(
  p_scope text,
  out revoked boolean,
  out erased_rows bigint,
  out is_complete boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user constant record := syncwell._consenting_user();
begin
  perform syncwell._check_scope(p_scope);
  update syncwell.consents as c
  set revoked_at = greatest(syncwell._now(), c.granted_at), revoked_login = session_user
  where c.org_id = v_user.org_id and c.user_id = v_user.user_id and c.scope = p_scope and c.revoked_at is null;
  revoked := found;
  erased_rows := 0;
  is_complete := true;
  if p_scope = 'detailed_monitoring' and not syncwell._shows_details(v_user.org_id, v_user.user_id) then
    perform syncwell._request_erasure(v_user.org_id, v_user.user_id);
    -- what few users have more of, maintenance takes up
    select e.erased, e.is_complete into erased_rows, is_complete
    from syncwell._erase_details(v_user.org_id, v_user.user_id, 1000) as e;
  end if;
end
$$;
comment on function syncwell.revoke_consent(text) is
'The calling user takes its consent to p_scope back; what was consented to before is kept as history. Where the org '
'requires consent (setting consent_required), stored details of detailed_monitoring are not shown from now on and '
'erased: up to about 1000 rows at once, the rest by maintenance (task erase_unconsented). revoked: there was a '
'consent; erased_rows: how many rows were erased now; is_complete: that was all. Errors: SW001, SW020, 42501 (a '
'service is no user).';
revoke all on function syncwell.revoke_consent(text) from public;
grant execute on function syncwell.revoke_consent(text) to syncwell_client;
