create or replace function syncwell._caller(
  out org_id uuid,
  out user_id uuid,
  out role text,
  out sees_org boolean
)
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule text;
begin
  -- what _identity() says of users' and services' logins, in one look: every function begins with it
  select l.org_id, l.user_id, coalesce(u.role, 'service')
  into org_id, user_id, role
  from syncwell.logins as l
  left join syncwell.users as u on u.user_id = l.user_id
  where l.login_role = session_user;
  if org_id is null then
    select i.org_id, i.user_id, i.role, i.rule into org_id, user_id, role, v_rule from syncwell._identity() as i;
  end if;
  if org_id is null then
    raise exception using
      errcode = 'SW001',
      message = 'nobody is calling: this session has no identity',
      detail = v_rule || '.',
      hint = 'The owner binds a login with bind_login(); a gateway calls act_as() in each transaction.';
  end if;
  sees_org := role <> 'member';
end
$$;
comment on function syncwell._caller() is
'The identity, resolved once at the start of a definer function. Errors: SW001 when nobody is calling.';
revoke all on function syncwell._caller() from public;
