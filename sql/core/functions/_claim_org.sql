create or replace function syncwell._claim_org()
returns uuid
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_identity record;
begin
  v_identity := syncwell._identity();
  if v_identity.org_id is not null then
    return v_identity.org_id;
  end if;
  -- whoever may act as any org, or maintains all of them, works for all of them
  if v_identity.kind = 'gateway' or pg_has_role(session_user, 'syncwell_operator', 'member') then
    return null;
  end if;
  return (syncwell._caller()).org_id;
end
$$;
comment on function syncwell._claim_org() is
'The org whose work the caller may take: its own, or NULL = all orgs for an operator and for a gateway that acts for '
'nobody. Errors: SW001.';
revoke all on function syncwell._claim_org() from public;
