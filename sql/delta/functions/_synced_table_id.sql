create or replace function syncwell._synced_table_id(p_table regclass)
returns integer
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table_id integer;
begin
  select t.table_id into v_table_id from syncwell.synced_tables as t where t.relation = p_table;
  if not found then
    raise exception using
      errcode = 'SW301',
      message = 'unknown synced table',
      detail = format('%s is not registered for syncing.', coalesce(p_table::text, 'NULL')),
      hint = 'Tables are registered with syncwell.register_synced_table().';
  end if;
  return v_table_id;
end
$$;
comment on function syncwell._synced_table_id(regclass) is 'The id of a registered table. Errors: SW301.';
revoke all on function syncwell._synced_table_id(regclass) from public;
-- ensure_tracking() runs with its caller's rights
grant execute on function syncwell._synced_table_id(regclass) to syncwell_operator;
