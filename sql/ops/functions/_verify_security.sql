create or replace function syncwell._verify_security()
returns setof syncwell.install_finding
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  -- partitions too: whoever reads one directly is not held back by the policies of its table
  select
    'row level security',
    'error',
    format('table syncwell.%I', c.relname),
    'Row-level security is off: whoever may read it reads every org.',
    format('alter table syncwell.%I enable row level security', c.relname)
  from pg_class as c
  where c.relnamespace = 'syncwell'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  union all
  select
    'ownership',
    'error',
    'schema syncwell',
    format('It belongs to %I, who can change all that is in it.', pg_get_userbyid(n.nspowner)),
    'alter schema syncwell owner to syncwell_owner'
  from pg_namespace as n
  where n.nspname = 'syncwell' and n.nspowner <> to_regrole('syncwell_owner')
  union all
  select
    'roles',
    'error',
    format('role %I', r.rolname),
    'It can become syncwell_owner, and so sees and changes every org.',
    format('revoke syncwell_owner from %I, or from what it is a member of', r.rolname)
  from pg_roles as r
  where
    not r.rolsuper
    and r.rolname <> 'syncwell_owner'
    -- from 16 on, who made a role may administer it without being able to use it
    and pg_has_role(
      r.oid,
      'syncwell_owner'::regrole,
      case when current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end
    )
  union all
  select
    'roles',
    'error',
    format('role %I', r.rolname),
    'It can do too much: roles of syncwell cannot log in, make roles, or see past row-level security.',
    format('alter role %I nologin nosuperuser nobypassrls nocreaterole', r.rolname)
  from pg_roles as r
  where
    r.rolname in (
      'syncwell_owner', 'syncwell_client', 'syncwell_reader', 'syncwell_worker', 'syncwell_gateway', 'syncwell_operator'
    )
    and (r.rolcanlogin or r.rolsuper or r.rolbypassrls or r.rolcreaterole)
  union all
  select f.* from syncwell._verify_logins() as f;
end
$$;
comment on function syncwell._verify_security() is
'What would let somebody see more than they may: tables without row-level security, a schema that is somebody else''s, '
'members of the owner, roles that can do too much, bound logins that are not what they are bound as.';
revoke all on function syncwell._verify_security() from public;
