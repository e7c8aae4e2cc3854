-- Reverts 0001_foundation: drops the schema syncwell with everything in it. The roles stay; they belong to the cluster.
--
-- Locks:    ACCESS EXCLUSIVE on every table of the schema and every synced table, whose triggers go.
-- Loses:    every row of every tenant. Refuses while there is one, or while objects outside the schema use it, unless
--           the session says: set syncwell.allow_data_loss = 'on'
-- Needs:    SET ROLE syncwell_owner; no later migration applied.
-- Run:      psql -1 -v ON_ERROR_STOP=1 -f 0001_foundation.rollback.sql, or `syncwell rollback`.

set local lock_timeout = '5s';
set local search_path = pg_catalog, pg_temp;

-- A superuser would do without; any other installer may drop the schema only as its owner.
set local role syncwell_owner;

do $guard$
declare
  -- what migrations themselves have put there, and what maintenance noted of its own work
  c_seeded constant text[] := array[
    'error_codes', 'setting_definitions', 'maintenance_tasks', 'personal_data', 'partitioned_tables', 'schema_migrations',
    'consent_scopes', 'personal_details', 'installed_objects', 'maintenance_duties', 'maintenance_runs'
  ];
  v_later text;
  v_table record;
  v_filled text[] := '{}';
  v_found boolean;
  v_outside text;
begin
  if current_setting('lock_timeout') <> '5s' then
    raise exception using
      errcode = '25P01',
      message = 'the rollback of 0001_foundation must run in one transaction',
      detail = 'Statement by statement a failure would leave half of it behind.',
      hint = 'Use psql -1 -v ON_ERROR_STOP=1 -f, or put it between BEGIN and COMMIT.';
  end if;
  if to_regclass('syncwell.schema_migrations') is null then
    raise exception using
      errcode = 'SW901',
      message = '0001_foundation is not applied',
      detail = format('Database %I has no table syncwell.schema_migrations.', current_database()),
      hint = 'There is nothing to revert.';
  end if;
  select string_agg(m.id, ', ' order by m.id) into v_later from syncwell.schema_migrations as m where m.id > '0001';
  if v_later is not null then
    raise exception using
      errcode = 'SW901',
      message = format('later migrations are applied: %s', v_later),
      detail = 'Migrations are reverted from the last to the first.',
      hint = 'Run their rollbacks before this one, the last one first.';
  end if;

  if coalesce(nullif(current_setting('syncwell.allow_data_loss', true), ''), 'off') = 'on' then
    return;
  end if;
  for v_table in
    select c.relname
    from pg_class as c
    where
      c.relnamespace = to_regnamespace('syncwell')
      and c.relkind in ('r', 'p')
      and not c.relispartition
      and c.relname <> all (c_seeded)
    order by c.relname
  loop
    execute format('lock table syncwell.%I in access exclusive mode', v_table.relname); -- nobody adds a row now
    execute format('select exists (select from syncwell.%I)', v_table.relname) into v_found;
    if v_found then
      v_filled := v_filled || v_table.relname::text;
    end if;
  end loop;
  if v_filled <> '{}' then
    raise exception using
      errcode = 'SW904',
      message = format('%s tables have rows', cardinality(v_filled)),
      detail = format('These would be lost: %s.', array_to_string(v_filled, ', ')),
      hint = 'Make a backup. Then, if you mean it: set syncwell.allow_data_loss = ''on'' in this session.';
  end if;

  -- views, foreign keys, triggers and functions of the host: CASCADE would drop them without a word
  select string_agg(distinct o.identity, ', ' order by o.identity) into v_outside
  from pg_depend as d
  cross join lateral pg_identify_object(d.classid, d.objid, d.objsubid) as o
  cross join lateral pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) as r
  where
    d.deptype = 'n'
    and (r.schema in ('syncwell', 'syncwell_tables') or (r.type = 'schema' and r.name in ('syncwell', 'syncwell_tables')))
    and o.identity !~ '(^|^for | on )syncwell(_tables)?\.';
  if v_outside is not null then
    raise exception using
      errcode = 'SW904',
      message = 'objects outside the schema use it',
      detail = format('These would be dropped: %s.', v_outside),
      hint = 'Drop them first, or set syncwell.allow_data_loss = ''on'' in this session.';
  end if;
end
$guard$;

-- with the triggers that it has on synced tables
drop schema syncwell_tables cascade;
drop schema syncwell cascade;
