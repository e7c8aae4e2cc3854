create or replace function syncwell._is_generated(p_table_id integer)
returns boolean
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    obj_description(to_regclass(format('syncwell_tables.%I', t.table_name)), 'pg_class')
    like '%' || md5(syncwell._generated_sql(t.table_id)),
    false
  )
  from syncwell.synced_tables as t
  where t.table_id = p_table_id;
$$;
comment on function syncwell._is_generated(integer) is
'Whether what was generated for a table is what would be generated now.';
revoke all on function syncwell._is_generated(integer) from public;
