create or replace function syncwell.act_as_org(p_org_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._check_gateway();
  perform from syncwell.orgs as o where o.org_id = p_org_id;
  if not found then
    raise exception using
      errcode = 'SW003',
      message = 'unknown org',
      detail = format('There is no org %s to act for.', coalesce(p_org_id::text, 'NULL')),
      hint = 'Orgs are registered with syncwell.register_org().';
  end if;
  perform syncwell._act(p_org_id, null);
end
$$;
comment on function syncwell.act_as_org(uuid) is
'Makes a gateway login a service of the org p_org_id, without a user, until the transaction ends. '
'Errors: 42501 for any other login, SW003 for an unknown org (and nothing is set).';
revoke all on function syncwell.act_as_org(uuid) from public;
grant execute on function syncwell.act_as_org(uuid) to syncwell_gateway;
