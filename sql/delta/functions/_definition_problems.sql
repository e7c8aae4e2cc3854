create or replace function syncwell._definition_problems(p_table_id integer)
returns table (
  problem text,
  hint text
)
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  with registered as (
    select t.* from syncwell.synced_tables as t where t.table_id = p_table_id
  ),
  missing as (
    select n.name
    from registered as t
    cross join lateral (
      select c.column_name as name from syncwell.synced_columns as c where c.table_id = t.table_id
      union
      select k.name
      from unnest(array[t.id_column, t.scope_column, t.org_column]) as k (name)
      where k.name is not null
    ) as n
    where not exists (
      select
      from pg_attribute as a
      where a.attrelid = t.relation and a.attname = n.name and a.attnum > 0 and not a.attisdropped
    )
  )
  select
    format('The column %I is not there any more.', m.name),
    'Register the table again with the columns that it has; devices are then sent it in full.'
  from missing as m
  union all
  select
    format(
      'The column %I was of type %s and is of type %s now.', a.attname, c.column_type, a.atttypid::regtype
    ),
    'Register the table again; devices are then sent it in full.'
  from registered as t
  inner join syncwell.synced_columns as c on c.table_id = t.table_id
  inner join pg_attribute as a
    on a.attrelid = t.relation and a.attname = c.column_name and a.attnum > 0 and not a.attisdropped
  where a.atttypid <> c.column_type
  union all
  select
    'The unique key that finds a record is gone.',
    format('alter table %s add unique (%I);', t.relation, t.id_column)
  from registered as t
  where syncwell._record_key(t.relation, t.id_column, t.scope_column, t.org_column) is null
    and not exists (select from missing as m where m.name in (t.id_column, t.scope_column, t.org_column))
  union all
  select
    format('The function %s, which decides conflicts, is gone.', t.conflict_function),
    'Make it again, or register the table with another p_conflict_policy.'
  from registered as t
  where t.conflict_policy = 'function'
    and to_regprocedure(t.conflict_function || '(jsonb, jsonb, text[])') is null;
$$;
comment on function syncwell._definition_problems(integer) is
'Where a table differs from what was registered: columns, types, its key, its conflict function.';
revoke all on function syncwell._definition_problems(integer) from public;
