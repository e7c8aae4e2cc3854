create or replace function syncwell._check_key_columns(
  p_table regclass,
  p_id_column name,
  p_scope_column name,
  p_org_column name
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role record;
  v_column pg_attribute;
  v_partition_key text;
begin
  for v_role in
    select r.name, r.column_name, r.types
    from (
      values
      ('id', p_id_column, array['text', 'varchar', 'uuid', 'bigint', 'integer', 'smallint']::regtype[]),
      ('scope', p_scope_column, array['uuid', 'text', 'varchar']::regtype[]),
      ('org', p_org_column, array['uuid', 'text', 'varchar']::regtype[])
    ) as r (name, column_name, types)
    where r.column_name is not null
  loop
    select a.* into v_column
    from pg_attribute as a
    where a.attrelid = p_table and a.attname = v_role.column_name and a.attnum > 0 and not a.attisdropped;
    if not found then
      perform syncwell._refuse_table(
        format('%s has no column %I.', p_table, v_role.column_name),
        format('Name the column with the %s as p_%s_column.', v_role.name, v_role.name)
      );
    elsif syncwell._base_type(v_column.atttypid) <> all (v_role.types) then
      perform syncwell._refuse_table(
        format('The %s column %I is of type %s.', v_role.name, v_column.attname, format_type(v_column.atttypid, null)),
        format('It must be one of %s.', array_to_string(v_role.types, ', '))
      );
    elsif v_column.attgenerated = 'v' then
      perform syncwell._refuse_table(
        format(
          'The %s column %I is a virtual generated column, which triggers do not see.', v_role.name, v_column.attname
        ),
        'Make it a stored one.'
      );
    elsif v_role.name = 'id' and not v_column.attnotnull then
      perform syncwell._refuse_table(
        format('The id column %I may be NULL.', v_column.attname),
        format('alter table %s alter column %I set not null;', p_table, v_column.attname)
      );
    end if;
  end loop;
  if p_id_column in (p_scope_column, p_org_column) or p_scope_column = p_org_column then
    perform syncwell._refuse_table(
      'One column is named for two of id, owner and org.', 'Each needs a column of its own.'
    );
  end if;

  if syncwell._record_key(p_table, p_id_column, p_scope_column, p_org_column) is null then
    select pg_get_partkeydef(p_table) into v_partition_key;
    perform syncwell._refuse_table(
      format(
        'No unique key says that %s has each %I once, alone or together with %s.',
        p_table, p_id_column, concat_ws(' and ', p_scope_column, p_org_column)
      ) || coalesce(
        format(
          ' A key of a table partitioned by %s includes those columns, so that one id could be there twice.',
          v_partition_key
        ),
        ''
      ),
      case
        when v_partition_key is null then
          format(
            'alter table %s add unique (%I); a partial, deferrable or invalid key does not do.', p_table, p_id_column
          )
        else 'Partition by the id (ids that grow with time, as UUIDv7, make partitions of time) or by the owner.'
      end
    );
  end if;
end
$$;
comment on function syncwell._check_key_columns(regclass, name, name, name) is
'Refuses a table whose columns for id, owner and org are missing, of a wrong type, or without a unique key. Errors: '
'SW302.';
revoke all on function syncwell._check_key_columns(regclass, name, name, name) from public;
