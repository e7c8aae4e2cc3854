create or replace function syncwell._table_refusal(
  p_table regclass,
  out reason text,
  out hint text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_class pg_class;
  v_schema name;
begin
  select c.* into v_class from pg_class as c where c.oid = p_table;
  if not found then
    reason := 'There is no such table.';
    hint := 'Was it dropped? syncwell.unregister_synced_table() takes its number, too.';
    return;
  end if;
  select n.nspname into v_schema from pg_namespace as n where n.oid = v_class.relnamespace;
  hint := 'Only ordinary and partitioned tables of the application are synced.';
  if v_class.relkind not in ('r', 'p') then
    reason := format('%s is %s.', p_table, case v_class.relkind
      when 'v' then 'a view' when 'm' then 'a materialized view' when 'f' then 'a foreign table' else 'no table'
    end);
  elsif v_schema in ('syncwell', 'syncwell_tables', 'pg_catalog', 'information_schema', 'pg_toast')
    -- what the engine keeps for its users, they may take along
    and p_table <> all (array['syncwell.sync_sessions', 'syncwell.session_records']::regclass[])
  then
    reason := format('%s lies in schema %I.', p_table, v_schema);
  elsif v_class.relpersistence = 't' then
    reason := format('%s is a temporary table.', p_table);
  elsif v_class.relispartition then
    reason := format('%s is a partition.', p_table);
    hint := 'Register the partitioned table; its partitions come with it.';
  elsif exists (
    select from pg_inherits as i
    where i.inhrelid = v_class.oid or (i.inhparent = v_class.oid and v_class.relkind = 'r')
  ) then
    reason := format('%s inherits from a table, or is inherited from.', p_table);
    hint := 'A key is unique within one table only, not across those that inherit; use partitions.';
  elsif exists (
    select
    from pg_partition_tree(p_table) as t
    inner join pg_class as c on c.oid = t.relid
    where c.relkind not in ('r', 'p')
  ) then
    reason := format('%s has a foreign table as a partition.', p_table);
    hint := 'What is written there by others can not be tracked here.';
  elsif v_class.relpersistence = 'u' or exists (
    select
    from pg_partition_tree(p_table) as t
    inner join pg_class as c on c.oid = t.relid
    where c.relpersistence <> 'p'
  ) then
    reason := format('%s, or a partition of it, is unlogged.', p_table);
    hint := 'A crash would empty it without a trace; alter table … set logged.';
  elsif not has_schema_privilege(v_class.relnamespace, 'usage') then
    reason := format(
      'The role %I may not use schema %I, and so can not make views of its tables.', current_user, v_schema
    );
    hint := format('grant usage on schema %I to %I;', v_schema, current_user);
  else
    hint := null;
  end if;
end
$$;
comment on function syncwell._table_refusal(regclass) is
'Why a table can not be synced, whatever its columns, and what to do; both NULL where it can.';
revoke all on function syncwell._table_refusal(regclass) from public;
