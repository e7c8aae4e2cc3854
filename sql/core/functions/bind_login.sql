create or replace function syncwell.bind_login(
  p_login_role name,
  p_kind text,
  p_org_id uuid default null,
  p_user_id uuid default null
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid := p_org_id;
begin
  perform from pg_roles as r where r.rolname = p_login_role;
  if not found
    or p_kind is null
    or p_kind not in ('user', 'service', 'gateway', 'jwt')
    or (p_kind = 'user') <> (p_user_id is not null)
    or (p_kind = 'service' and p_org_id is null)
    or (p_kind in ('gateway', 'jwt') and p_org_id is not null)
  then
    raise exception using
      errcode = '22023',
      message = 'login not bound',
      detail = format(
        'Role %s, kind %s, org %s, user %s do not make a binding.',
        coalesce(p_login_role, 'NULL'), coalesce(left(p_kind, 100), 'NULL'),
        coalesce(p_org_id::text, 'NULL'), coalesce(p_user_id::text, 'NULL')
      ),
      hint = 'An existing role and: user with p_user_id; service with p_org_id; gateway or jwt with neither.';
  end if;

  if p_kind = 'user' then
    select u.org_id into v_org_id
    from syncwell.users as u
    where u.user_id = p_user_id and u.org_id = coalesce(p_org_id, u.org_id);
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s to bind a login to.', p_user_id),
        hint = 'Users are registered with syncwell.register_user().';
    end if;
  elsif p_kind = 'service' then
    perform from syncwell.orgs as o where o.org_id = p_org_id;
    if not found then
      raise exception using
        errcode = 'SW003',
        message = 'unknown org',
        detail = format('There is no org %s to bind a login to.', p_org_id),
        hint = 'Orgs are registered with syncwell.register_org().';
    end if;
  end if;

  insert into syncwell.logins (login_role, kind, org_id, user_id)
  values (p_login_role, p_kind, v_org_id, p_user_id)
  on conflict (login_role) do update
  set kind = excluded.kind, org_id = excluded.org_id, user_id = excluded.user_id, bound_at = excluded.bound_at
  where (logins.kind, logins.org_id, logins.user_id)
    is distinct from (excluded.kind, excluded.org_id, excluded.user_id);
end
$$;
comment on function syncwell.bind_login(name, text, uuid, uuid) is
'Says what the database login p_login_role is, p_kind: user (with p_user_id, whose org p_org_id may be left out), '
'service (with p_org_id), gateway or jwt (with neither). Binding again replaces. For the owner only. Errors: 22023, '
'SW002, SW003.';
revoke all on function syncwell.bind_login(name, text, uuid, uuid) from public;
