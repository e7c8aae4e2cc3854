create or replace function syncwell._session_settings()
returns setof syncwell.install_finding
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  with schemas as (
    -- reset_val: what sessions of this login begin with, not what this function has set for itself
    select n.name, n.position::integer
    from pg_settings as s
    cross join lateral unnest(regexp_split_to_array(s.reset_val, '\s*,\s*')) with ordinality as n (name, position)
    where s.name = 'search_path'
  ),
  findings (setting, severity, detail) as (
    select 'default_transaction_read_only', 'error', 'Transactions begin read-only: nothing can be recorded.'
    where current_setting('default_transaction_read_only')::boolean and not pg_is_in_recovery()
    union all
    select 'session_replication_role', 'error', 'Triggers do not fire: changes are not seen, progress is not counted.'
    where current_setting('session_replication_role') <> 'origin'
    union all
    select 'row_security', 'error', 'Tables with policies cannot be read at all.'
    where not current_setting('row_security')::boolean
    union all
    select 'syncwell.fake_now', 'error', 'A clock for tests is set, and syncwell tells the time by it.'
    where
      nullif(current_setting('syncwell.fake_now', true), '') is not null
      and pg_has_role(session_user, 'syncwell_owner', 'member')
    union all
    select 'client_encoding', 'warning',
      format('It is %s: text that it cannot write is refused.', current_setting('client_encoding'))
    where current_setting('client_encoding') <> 'UTF8'
    union all
    select 'search_path', 'warning', 'pg_catalog is not its first: what others name like a built-in function is called instead.'
    from schemas as s
    where s.name in ('pg_catalog', '"pg_catalog"') and s.position > 1
    union all
    select 'search_path', 'warning', 'Schema syncwell is in it: a table made without a schema may land there.'
    from schemas as s
    where
      s.name in ('syncwell', '"syncwell"')
      and has_schema_privilege(session_user, 'syncwell', 'create')
    union all
    select 'search_path', 'warning',
      format('Anybody may make functions in schema %s, which are found where a name has no schema.', s.name)
    from schemas as s
    join pg_namespace as n on quote_ident(n.nspname) = s.name or n.nspname = s.name
    where exists (
      select from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
      where a.grantee = 0 and a.privilege_type = 'CREATE'
    )
  )
  select
    'session', f.severity, f.setting, f.detail,
    case
      when f.setting = 'search_path' and f.detail like 'Anybody%' then 'revoke create on that schema from public'
      else coalesce(
        (
          select
            case
              when d.setrole = 0 then format('alter database %I reset %s', current_database(), f.setting)
              when d.setdatabase = 0 then format('alter role %I reset %s', session_user, f.setting)
              else format('alter role %I in database %I reset %s', session_user, current_database(), f.setting)
            end
          from pg_db_role_setting as d
          where
            (d.setrole = 0 or d.setrole = to_regrole(quote_ident(session_user)))
            and (d.setdatabase = 0 or d.setdatabase = (
              select b.oid from pg_database as b
              where b.datname = current_database()
            ))
            and exists (select from unnest(d.setconfig) as c (text) where starts_with(c.text, f.setting || '='))
          order by d.setdatabase = 0, d.setrole = 0
          limit 1
        ),
        'Take it out of PGOPTIONS and of the connection string, or out of postgresql.conf.'
      )
    end
  from findings as f;
end
$$;
comment on function syncwell._session_settings() is
'Settings with which sessions of the caller''s login begin and that do harm, with the statement that takes each back.';
revoke all on function syncwell._session_settings() from public;
