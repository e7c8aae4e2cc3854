create or replace function syncwell._claim_user()
returns uuid
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_identity record;
begin
  v_identity := syncwell._identity();
  -- whom _target_user() lets record for itself only, works for itself only
  return case when v_identity.role in ('member', 'analyst') then v_identity.user_id end;
end
$$;
comment on function syncwell._claim_user() is
'Whose work in _claim_org() the caller may take: its own for a member or analyst, NULL = everybody''s.';
revoke all on function syncwell._claim_user() from public;
