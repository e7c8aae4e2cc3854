create or replace function syncwell.register_user(
  p_org_id uuid,
  p_user_id uuid default null,
  p_role text default 'member',
  p_display_name text default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  if p_role is null or p_role not in ('member', 'analyst', 'admin') then
    raise exception using
      errcode = '22023',
      message = 'unknown role of a user',
      detail = format('p_role is %s.', coalesce(quote_literal(p_role), 'NULL')),
      hint = 'One of member, analyst, admin.';
  end if;
  perform syncwell._check_text('p_display_name', p_display_name, 200);
  perform from syncwell.orgs as o where o.org_id = p_org_id;
  if not found then
    raise exception using
      errcode = 'SW003',
      message = 'unknown org',
      detail = format('There is no org %s.', coalesce(p_org_id::text, 'NULL')),
      hint = 'Orgs are registered with syncwell.register_org().';
  end if;

  insert into syncwell.users (org_id, user_id, role, display_name)
  values (p_org_id, coalesce(p_user_id, gen_random_uuid()), p_role, p_display_name)
  on conflict (user_id) do update
  set role = excluded.role, display_name = excluded.display_name
  where users.org_id = excluded.org_id
  returning user_id into v_user_id;
  if v_user_id is null then
    raise exception using
      errcode = '22023',
      message = 'this user belongs to another org',
      detail = format('User %s is registered already, and a user has one org.', p_user_id),
      hint = 'Give the person a user id of its own in each org.';
  end if;
  return v_user_id;
end
$$;
comment on function syncwell.register_user(uuid, uuid, text, text) is
'Creates a user of the org p_org_id, or changes role and name of the one with p_user_id; returns its id. p_role: '
'member (default), analyst, admin; p_display_name: up to 200 characters, NULL = none. Errors: SW003, 22001, 22023 '
'(unknown role; user of another org).';
revoke all on function syncwell.register_user(uuid, uuid, text, text) from public;
grant execute on function syncwell.register_user(uuid, uuid, text, text) to syncwell_operator;
