create or replace function syncwell.act_as(p_user_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
begin
  perform syncwell._check_gateway();
  select u.org_id into v_org_id from syncwell.users as u where u.user_id = p_user_id;
  if not found then
    raise exception using
      errcode = 'SW002',
      message = 'unknown user',
      detail = format('There is no user %s to act for.', coalesce(p_user_id::text, 'NULL')),
      hint = 'Users are registered with syncwell.register_user().';
  end if;
  perform syncwell._act(v_org_id, p_user_id);
end
$$;
comment on function syncwell.act_as(uuid) is
'Makes a gateway login the user p_user_id until the transaction ends; sets request.jwt.claims too. '
'Errors: 42501 for any other login, SW002 for an unknown user (and nothing is set).';
revoke all on function syncwell.act_as(uuid) from public;
grant execute on function syncwell.act_as(uuid) to syncwell_gateway;
