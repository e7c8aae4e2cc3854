-- What REFERENCE.md is made of, as one document; read by a superuser from a database with all migrations.
with
roles as (
  select
    r.oid,
    replace(r.rolname, 'syncwell_', '') as name
  from pg_catalog.pg_roles as r
  where r.rolname in (
    'syncwell_client', 'syncwell_reader', 'syncwell_worker', 'syncwell_gateway', 'syncwell_operator'
  )
),

functions as (
  select
    p.proname as name,
    p.prokind as kind,
    p.provolatile as volatility,
    p.prosecdef as is_definer,
    p.proretset as is_set,
    coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) as body,
    pg_catalog.format_type(p.prorettype, null) as returns,
    pg_catalog.obj_description(p.oid, 'pg_proc') as comment,
    array(
      select r.name
      from pg_catalog.aclexplode(p.proacl) as acl join roles as r on acl.grantee = r.oid
      where acl.privilege_type = 'EXECUTE'
      order by r.name
    ) as callers,
    array(
      select
        pg_catalog.jsonb_build_object(
          'name', p.proargnames[a.place],
          'mode', coalesce(p.proargmodes[a.place], 'i'),
          'type', pg_catalog.format_type(a.type, null),
          'default', pg_catalog.pg_get_function_arg_default(p.oid, a.place::integer)
        )
      from
        unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as a (type, place)
      order by a.place
    ) as arguments
  from pg_catalog.pg_proc as p
  where
    p.pronamespace = 'syncwell'::pg_catalog.regnamespace
    and p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype
),

columns as (
  select
    a.attrelid,
    a.attnum,
    a.attname as name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    pg_catalog.col_description(a.attrelid, a.attnum) as comment,
    (
      select bool_or(pg_catalog.has_column_privilege(r.oid, a.attrelid, a.attnum, 'SELECT')) from roles as r
    ) as is_readable
  from pg_catalog.pg_attribute as a
  where a.attnum > 0 and not a.attisdropped
),

relations as (
  select
    c.relname as name,
    c.relkind as kind,
    pg_catalog.obj_description(c.oid, 'pg_class') as comment,
    array(
      select r.name
      from roles as r
      where pg_catalog.has_any_column_privilege(r.oid, c.oid, 'SELECT')
      order by r.name
    ) as readers,
    array(
      select
        pg_catalog.jsonb_build_object(
          'name', a.name, 'type', a.type, 'comment', a.comment, 'is_readable', a.is_readable
        )
      from columns as a
      where a.attrelid = c.oid
      order by a.attnum
    ) as columns
  from pg_catalog.pg_class as c
  where
    c.relnamespace = 'syncwell'::pg_catalog.regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
)

select
  pg_catalog.jsonb_build_object(
    'functions', (
      select pg_catalog.jsonb_agg(to_jsonb(f) - 'body' order by f.name collate "C")
      from functions as f
      where f.name !~ '^_'
    ),
    'channels', (
      select pg_catalog.jsonb_agg(distinct c.found[1] order by c.found[1])
      from functions as f, regexp_matches(f.body, 'pg_notify\(\s*''(\w+)''', 'g') as c (found)
    ),
    'relations', (select pg_catalog.jsonb_agg(to_jsonb(c) order by c.name collate "C") from relations as c),
    'settings', (
      select pg_catalog.jsonb_agg(to_jsonb(s) order by s.key collate "C") from syncwell.setting_definitions as s
    ),
    'errors', (
      select pg_catalog.jsonb_agg(to_jsonb(e) order by e.sqlstate collate "C") from syncwell.error_codes as e
    )
  );
