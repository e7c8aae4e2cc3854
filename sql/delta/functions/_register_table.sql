create or replace function syncwell._register_table(
  p_table regclass,
  p_scope_column text,
  p_id_column text,
  p_columns text[],
  p_conflict_policy text,
  p_scope text,
  p_org_column text,
  p_encodings jsonb,
  p_read_only text[],
  p_rls_revokes boolean,
  p_name text,
  p_is_locked boolean,
  out table_id integer,
  out is_changed boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is record;
  v_old syncwell.synced_tables;
  v_new syncwell.synced_tables;
  v_columns jsonb;
  v_old_columns jsonb;
  v_resets boolean;
begin
  perform syncwell._check_table_owner(p_table);
  perform syncwell._incarnation();
  select r.reason, r.hint into v_is from syncwell._table_refusal(p_table) as r;
  if v_is.reason is not null then
    perform syncwell._refuse_table(v_is.reason, v_is.hint);
  end if;

  select t.* into v_old from syncwell.synced_tables as t where t.relation = p_table;
  v_new := v_old;
  v_new.relation := p_table;
  v_new.table_name := coalesce(p_name, v_old.table_name, (select c.relname from pg_class as c where c.oid = p_table));
  v_new.scope_kind := case when p_org_column is not null then 'org_user' else p_scope end;
  v_new.scope_column := p_scope_column;
  v_new.org_column := p_org_column;
  v_new.id_column := p_id_column;
  v_new.rls_revokes := p_rls_revokes;
  perform syncwell._check_synced_name(v_new.table_name, v_old.table_id);
  perform syncwell._check_key_columns(p_table, p_id_column, p_scope_column, p_org_column);
  v_new.key_columns := syncwell._record_key(p_table, p_id_column, p_scope_column, p_org_column);
  select p.policy, p.policy_function into v_new.conflict_policy, v_new.conflict_function
  from syncwell._conflict_policy(p_conflict_policy) as p;
  v_columns := syncwell._column_rules(
    p_table, array_remove(array[p_id_column, p_scope_column, p_org_column], null), p_columns, p_encodings, p_read_only
  );

  if v_old.table_id is not null then
    select coalesce(jsonb_agg(to_jsonb(c) - 'table_id' - 'json_type' order by c.position), '[]') into v_old_columns
    from syncwell.synced_columns as c
    where c.table_id = v_old.table_id;
    table_id := v_old.table_id;
    if v_new is not distinct from v_old
      and v_columns = v_old_columns
      and syncwell._is_generated(v_old.table_id)
    then
      is_changed := false;
      return;
    end if;
  end if;
  is_changed := true;
  if not p_is_locked then
    return;
  end if;

  if v_old.table_id is not null and v_old.table_name <> v_new.table_name then
    -- another collection to every device
    perform syncwell._forget_table(v_old.table_id);
    v_old := null;
  end if;
  if v_old.table_id is null then
    insert into syncwell.synced_tables (
      table_name, relation, scope_kind, scope_column, org_column, id_column, key_columns, conflict_policy,
      conflict_function, rls_revokes, partitions, position, registered_xid
    )
    values (
      v_new.table_name, v_new.relation, v_new.scope_kind, v_new.scope_column, v_new.org_column, v_new.id_column,
      v_new.key_columns, v_new.conflict_policy, v_new.conflict_function, v_new.rls_revokes,
      syncwell._count_partitions(p_table), 0, pg_current_xact_id()
    )
    returning synced_tables.table_id into table_id;
  else
    update syncwell.synced_tables as t
    set
      scope_kind = v_new.scope_kind,
      scope_column = v_new.scope_column,
      org_column = v_new.org_column,
      id_column = v_new.id_column,
      key_columns = v_new.key_columns,
      conflict_policy = v_new.conflict_policy,
      conflict_function = v_new.conflict_function,
      rls_revokes = v_new.rls_revokes
    where t.table_id = v_old.table_id;
  end if;

  -- devices may have its records from before: they are to replace them, not to be given them as new
  perform from syncwell.unregistered_tables as u where u.table_name = v_new.table_name;
  v_resets := found or v_old.table_id is not null and (
    (v_new.scope_kind, v_new.scope_column, v_new.org_column, v_new.id_column)
    is distinct from (v_old.scope_kind, v_old.scope_column, v_old.org_column, v_old.id_column)
    or (
      select jsonb_agg(c - 'position' - 'writable' order by c ->> 'column_name')
      from jsonb_array_elements(v_columns) as c
    ) is distinct from (
      select jsonb_agg(c - 'position' - 'writable' order by c ->> 'column_name')
      from jsonb_array_elements(v_old_columns) as c
    )
  );
  delete from syncwell.synced_columns as c where c.table_id = _register_table.table_id;
  insert into syncwell.synced_columns (table_id, column_name, position, column_type, encoding, writable)
  select _register_table.table_id, c.column_name, c.position, c.column_type, c.encoding, c.writable
  from jsonb_to_recordset(v_columns)
    as c (column_name name, position integer, column_type regtype, encoding text, writable boolean);

  if v_resets then
    perform syncwell._reset_table(table_id);
  end if;
  perform syncwell._order_tables();
  perform syncwell._generate_table(table_id);
end
$$;
comment on function
syncwell._register_table(
  regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text, boolean
) is
'The part of register_synced_table() that needs the owner''s rights. Without p_is_locked it only tells whether '
'anything would change; the caller then locks the table against writers and calls again. Errors: 42501, SW302.';
revoke all on function
syncwell._register_table(
  regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text, boolean
) from public;
-- register_synced_table() runs with its caller's rights
grant execute on function
syncwell._register_table(
  regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text, boolean
) to syncwell_operator;
