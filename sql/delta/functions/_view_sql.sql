create or replace function syncwell._view_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_columns text;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  select
    string_agg(
      format(
        E',\n  %s as %I', syncwell._encoded(format('t.%I', c.column_name), c.column_type, c.encoding), c.column_name
      ),
      '' order by c.position
    )
  into v_columns
  from syncwell.synced_columns as c
  where c.table_id = p_table_id;

  return format(
    $sql$create or replace view syncwell_tables.%1$I with (security_invoker = true) as
select
  t.%2$I as _key,
  t.%3$I as _owner%4$s,
  t.%2$I::text as id%5$s
from %6$s as t;
revoke all on syncwell_tables.%1$I from public;
grant select on syncwell_tables.%1$I to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
$sql$,
    v_table.table_name, v_table.id_column, v_table.scope_column,
    case when v_table.org_column is not null then format(E',\n  t.%I as _org', v_table.org_column) end,
    v_columns, v_table.relation
  );
end
$$;
comment on function syncwell._view_sql(integer) is
'The text that makes the view of a synced table''s records as devices see them, with their key, owner and org.';
revoke all on function syncwell._view_sql(integer) from public;
