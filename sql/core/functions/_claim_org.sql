create or replace function syncwell._claim_org()
returns uuid
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  return (syncwell._claim_scope()).org_id;
end
$$;
comment on function syncwell._claim_org() is
'The org whose work the caller may take: its own, or NULL = all orgs for an operator and for a gateway that acts for '
'nobody. Errors: SW001.';
revoke all on function syncwell._claim_org() from public;
