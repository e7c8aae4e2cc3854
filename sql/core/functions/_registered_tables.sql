create or replace function syncwell._registered_tables(p_table text)
returns setof syncwell.partitioned_tables
language plpgsql stable security invoker rows 5
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select t.* from syncwell.partitioned_tables as t
  where p_table is null or t.table_name = p_table
  order by t.table_name;
  if not found and p_table is not null then
    raise exception using
      errcode = '22023',
      message = 'not a partitioned table',
      detail = format('%L is not in syncwell.partitioned_tables.', left(p_table, 100)),
      hint = 'Leave p_table out for all of them.';
  end if;
end
$$;
comment on function syncwell._registered_tables(text) is
'The registry''s row of p_table, or (NULL) all rows. Errors: 22023 unknown table.';
revoke all on function syncwell._registered_tables(text) from public;
