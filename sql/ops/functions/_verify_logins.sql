create or replace function syncwell._verify_logins(p_login_role name default null)
returns setof syncwell.install_finding
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  with logins as (
    select
      l.login_role,
      l.kind,
      r.rolcanlogin,
      r.rolsuper or r.rolbypassrls as sees_all,
      case l.kind
        when 'gateway' then array['syncwell_gateway']
        when 'jwt' then array[]::text[] -- what it may is its roles' to have, which change with the token
        else array['syncwell_client', 'syncwell_reader', 'syncwell_worker', 'syncwell_operator']
      end as wanted,
      r.oid
    from syncwell.logins as l
    left join pg_roles as r on r.rolname = l.login_role
    where p_login_role is null or l.login_role = p_login_role
  )
  select
    'logins', 'warning', format('login %I', l.login_role),
    'It is bound, but there is no such role: whoever makes one of that name is who it stands for.',
    format('select syncwell.unbind_login(%L)', l.login_role)
  from logins as l
  where l.oid is null
  union all
  select
    'logins', case l.kind when 'gateway' then 'error' else 'warning' end, format('login %I', l.login_role),
    format(
      'It is bound as %s, and %s: %s.',
      l.kind,
      case when has.membership then 'does not inherit what that role may' else 'the role for it is not granted' end,
      case l.kind when 'gateway' then 'it cannot act for anybody' else 'it may call nothing' end
    ),
    case
      when has.membership then format('alter role %I inherit; from PostgreSQL 16 on grant the role again', l.login_role)
      when l.kind = 'user' then format('grant syncwell_client, syncwell_reader to %I', l.login_role)
      when l.kind = 'service' then format('grant syncwell_reader, syncwell_worker to %I', l.login_role)
      else format('grant syncwell_gateway to %I', l.login_role)
    end
  from logins as l
  cross join lateral (
    select
      coalesce(bool_or(pg_has_role(l.oid, w.name, 'usage')), true) as usage,
      coalesce(bool_or(pg_has_role(l.oid, w.name, 'member')), true) as membership
    from unnest(l.wanted) as w (name)
  ) as has
  where l.oid is not null and not has.usage
  union all
  select
    'logins', 'warning', format('login %I', l.login_role), 'It is bound, but it cannot log in.',
    format('alter role %I login', l.login_role)
  from logins as l
  where not l.rolcanlogin
  union all
  select
    'logins', 'warning', format('login %I', l.login_role),
    'Row-level security does not hold it back: it sees every org, whoever it is.',
    format('alter role %I nosuperuser nobypassrls', l.login_role)
  from logins as l
  where l.sees_all;
end
$$;
comment on function syncwell._verify_logins(name) is
'What is wrong with bound logins (p_login_role: this one; default NULL: all): no role, without the grants they need, '
'not able to log in, not held back by row-level security.';
revoke all on function syncwell._verify_logins(name) from public;
