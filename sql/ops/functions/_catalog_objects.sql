create or replace function syncwell._catalog_objects()
returns table (
  kind text,
  name text,
  definition_hash text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  with relations as materialized (
    select c.*, pg_get_userbyid(c.relowner) as owner
    from pg_class as c
    where c.relnamespace = 'syncwell'::regnamespace and not c.relispartition
  ),
  routines as materialized (
    select p.*, p.oid::regprocedure::text as signature, pg_get_userbyid(p.proowner) as owner
    from pg_proc as p
    where p.pronamespace = 'syncwell'::regnamespace
  ),
  grants as (
    select p.signature as object, p.proowner as owner, coalesce(p.proacl, acldefault('f', p.proowner)) as acl
    from routines as p
    union all
    select r.relname::text, r.relowner, r.relacl
    from relations as r
    union all
    select format('%s.%s', r.relname, a.attname), r.relowner, a.attacl
    from relations as r
    join pg_attribute as a on a.attrelid = r.oid
  ),
  -- names, not oids: these are others after a dump and a restore
  objects as (
    select
      'function' as kind,
      p.signature as name,
      concat_ws('|', p.prosrc, p.provolatile, p.prosecdef, p.proconfig, p.owner, pg_get_function_result(p.oid)) as facts
    from routines as p
    union all
    select
      case r.relkind when 'v' then 'view' else 'table' end,
      r.relname::text,
      concat_ws('|', r.relkind, r.relrowsecurity, r.owner, r.relkind = 'v' and r.reloptions @> array['security_invoker=true'])
    from relations as r
    where r.relkind in ('r', 'p', 'v')
    union all
    select
      'column',
      format('%s.%s', r.relname, a.attname),
      concat_ws('|', format_type(a.atttypid, a.atttypmod), a.attnotnull)
    from relations as r
    join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    where r.relkind in ('r', 'p', 'v')
    union all
    -- since PostgreSQL 18 NOT NULL is a constraint as well; here it stands with its column
    select 'constraint', format('%s.%s', r.relname, k.conname), concat_ws('|', k.contype, k.convalidated)
    from relations as r
    join pg_constraint as k on k.conrelid = r.oid and k.contype <> 'n'
    union all
    select 'index', i.relname::text, concat_ws('|', x.indrelid::regclass, x.indkey, x.indisunique, x.indpred is null)
    from relations as i
    join pg_index as x on x.indexrelid = i.oid
    union all
    select 'policy', format('%s.%s', r.relname, p.polname), concat_ws('|', p.polcmd, p.polpermissive, p.polroles = '{0}')
    from relations as r
    join pg_policy as p on p.polrelid = r.oid
    union all
    select 'trigger', format('%s.%s', r.relname, t.tgname), concat_ws('|', t.tgenabled, t.tgfoid::regproc, t.tgtype)
    from relations as r
    join pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal
    union all
    select
      'grant',
      format(
        '%s on %s to %s', lower(x.privilege_type), g.object,
        case when x.grantee = 0 then 'public' else pg_get_userbyid(x.grantee) end
      ),
      ''
    from grants as g
    cross join lateral aclexplode(g.acl) as x
    where x.grantee <> g.owner
  )
  select o.kind, o.name, md5(o.facts) from objects as o;
end
$$;
comment on function syncwell._catalog_objects() is
'What the schema consists of, partitions and what is the owner''s by right left out: functions, tables, columns, '
'constraints, indexes, policies, triggers, views and grants, each with a hash of what it is like.';
revoke all on function syncwell._catalog_objects() from public;
