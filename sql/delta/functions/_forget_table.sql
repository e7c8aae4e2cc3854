create or replace function syncwell._forget_table(p_table_id integer)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._drop_generated(p_table_id);
  -- devices keep what they have of it: see _register_table()
  insert into syncwell.unregistered_tables as u (table_name, unregistered_at)
  select t.table_name, syncwell._now() from syncwell.synced_tables as t where t.table_id = p_table_id
  on conflict (table_name) do update set unregistered_at = excluded.unregistered_at;
  delete from syncwell.record_changes as c where c.table_id = p_table_id;
  delete from syncwell.synced_tables as t where t.table_id = p_table_id;
end
$$;
comment on function syncwell._forget_table(integer) is 'Removes a synced table and all that is known of its changes.';
revoke all on function syncwell._forget_table(integer) from public;
