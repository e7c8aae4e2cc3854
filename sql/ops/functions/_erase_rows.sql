create or replace function syncwell._erase_rows(
  p_org_id uuid,
  p_user_id uuid
)
returns table (
  table_name text,
  user_column text,
  action text,
  affected_rows bigint
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_column record;
begin
  for v_column in select c.* from syncwell._personal_columns() as c order by c.place loop
    execute case v_column.on_erase
      when 'delete' then format('delete from syncwell.%I as t where %s', v_column.table_name, v_column.condition)
      else format(
        'update syncwell.%I as t set %s where %s', v_column.table_name, v_column.changes, v_column.condition
      )
    end
    using p_user_id, p_org_id;
    get diagnostics affected_rows = row_count;
    if affected_rows > 0 then
      table_name := v_column.table_name;
      user_column := v_column.user_column;
      action := case v_column.on_erase when 'delete' then 'deleted' else 'anonymised' end;
      return next;
    end if;
  end loop;
end
$$;
comment on function syncwell._erase_rows(uuid, uuid) is
'Deletes or anonymises every row that names a user, as registry personal_data says; p_org_id: the user''s org, NULL '
'where that is not known any more. Returns what it did, tables without such rows left out.';
revoke all on function syncwell._erase_rows(uuid, uuid) from public;
