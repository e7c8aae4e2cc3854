create or replace function syncwell.unregister_synced_table(p_table regclass)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table_id integer;
  v_trigger record;
begin
  if p_table is null then
    raise exception using
      errcode = '22004',
      message = 'an argument may not be NULL',
      detail = 'p_table is NULL.',
      hint = 'Name the table; for one that was dropped, its number as syncwell.check_tracking() shows it.';
  end if;
  select t.table_id into v_table_id from syncwell.synced_tables as t where t.relation = p_table;
  if not found then
    return false;
  end if;
  for v_trigger in
    select s.relation, s.trigger_name
    from syncwell._tracking_triggers(v_table_id) as s
    order by s.is_root, s.relation::text
  loop
    execute format('drop trigger %I on %s', v_trigger.trigger_name, v_trigger.relation);
  end loop;
  perform syncwell._unregister_table(p_table);
  return true;
end
$$;
comment on function syncwell.unregister_synced_table(regclass) is
'Ends the syncing of p_table: its triggers go, with its view, its functions and all that is known of its changes. '
'Devices keep what they have. Called by the owner of the table, who also needs the role syncwell_operator; for a '
'table that was dropped, with its number, by any operator. Returns whether it was registered. Errors: 22004, 42501.';
revoke all on function syncwell.unregister_synced_table(regclass) from public;
grant execute on function syncwell.unregister_synced_table(regclass) to syncwell_operator;
