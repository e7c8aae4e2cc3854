create or replace function syncwell._deliverer_org()
returns uuid
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_scope constant record := syncwell._claim_scope();
begin
  if v_scope.user_id is not null then
    raise exception using
      errcode = '42501',
      message = 'delivering alerts needs a service or an admin',
      detail = 'The caller is a user who may not speak for the org.',
      hint = 'Let a service of the org do it, or an operator for all orgs.';
  end if;
  return v_scope.org_id;
end
$$;
comment on function syncwell._deliverer_org() is
'The org whose alerts the caller may deliver: a service''s or admin''s own, NULL = all orgs for an operator and for a '
'gateway that acts for nobody. Errors: SW001, 42501 for any other user.';
revoke all on function syncwell._deliverer_org() from public;
