create or replace function syncwell._unregister_table(p_table regclass)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table_id integer;
begin
  -- nobody owns a table that was dropped
  if exists (select from pg_class as c where c.oid = p_table) then
    perform syncwell._check_table_owner(p_table);
  end if;
  select t.table_id into v_table_id from syncwell.synced_tables as t where t.relation = p_table;
  if found then
    perform syncwell._forget_table(v_table_id);
    perform syncwell._order_tables();
  end if;
end
$$;
comment on function syncwell._unregister_table(regclass) is
'The part of unregister_synced_table() that needs the owner''s rights, after its triggers are gone. Errors: 42501.';
revoke all on function syncwell._unregister_table(regclass) from public;
-- unregister_synced_table() runs with its caller's rights
grant execute on function syncwell._unregister_table(regclass) to syncwell_operator;
