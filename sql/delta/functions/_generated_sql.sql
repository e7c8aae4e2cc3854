create or replace function syncwell._generated_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return concat(
    syncwell._view_sql(p_table_id),
    syncwell._tracking_sql(p_table_id),
    syncwell._pull_sql(p_table_id),
    syncwell._push_sql(p_table_id)
  );
end
$$;
comment on function syncwell._generated_sql(integer) is
'The text that makes all that belongs to a synced table in schema syncwell_tables.';
revoke all on function syncwell._generated_sql(integer) from public;
