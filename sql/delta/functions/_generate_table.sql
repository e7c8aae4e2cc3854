create or replace function syncwell._generate_table(p_table_id integer)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
  v_org_column name;
  v_types regtype[];
  v_text text := syncwell._generated_sql(p_table_id);
begin
  select t.table_name, t.org_column into strict v_name, v_org_column
  from syncwell.synced_tables as t
  where t.table_id = p_table_id;
  -- 15 functions, 4 of them with a statement in a text: with one quote more, a name or a default of the table would end
  -- a function and go on as a statement of the owner's
  if (length(v_text) - length(replace(v_text, '$body$', ''))) / length('$body$') <> 30
    or (length(v_text) - length(replace(v_text, '$statement$', ''))) / length('$statement$') <> 8
  then
    perform syncwell._refuse_table(
      'A name, a type or a default of the table has $body$ or $statement$ in it.',
      'Name it otherwise; a column with such a default can be synced as one of p_read_only.'
    );
  end if;
  begin
    execute v_text;
  exception
    -- other columns, other results: what others may hold a plan of is replaced only where it must be
    when invalid_table_definition or invalid_function_definition then
      perform syncwell._drop_generated(p_table_id);
      execute v_text;
  end;
  -- The view keeps the columns from getting other types from here on; nothing else has kept them until now, and a
  -- snapshot may be older than them. Casts of other types would run with the rights of the triggers.
  execute format(
    'select array[pg_typeof((r)._key), pg_typeof((r)._owner), pg_typeof((r).%2$I)]'
    ' from (values (null::syncwell_tables.%1$I)) as v (r)',
    v_name, case when v_org_column is null then '_owner' else '_org' end
  )
  into v_types;
  if not coalesce((
    select bool_and(coalesce(
      syncwell._base_type(x.type) = any (
        case when x.place = 1 then '{text,varchar,uuid,bigint,integer,smallint}' else '{uuid,text,varchar}' end::regtype[]
      ),
      false
    ))
    from unnest(v_types) with ordinality as x (type, place)
  ), false) then
    perform syncwell._refuse_table(
      format('The columns of id, owner and org are of type %s now.', array_to_string(v_types, ', ')),
      'An id is of type text, uuid or an integer, owner and org of type uuid or text.'
    );
  end if;
  execute format(
    'comment on view syncwell_tables.%I is %L', v_name,
    format('Records of %s as devices see them. Generated: %s', v_name, md5(v_text))
  );
end
$$;
comment on function syncwell._generate_table(integer) is
'Makes the view and the functions of a synced table, or makes them anew from the current definition. Errors: SW302.';
revoke all on function syncwell._generate_table(integer) from public;
