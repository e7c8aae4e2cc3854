create or replace function syncwell._ensure_triggers(p_table_id integer)
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_trigger record;
  v_repaired constant integer := (
    select count(*)
    from syncwell._tracking_state(p_table_id) as s
    where s.state is distinct from s.should_be
  );
begin
  if v_repaired = 0 then
    return 0;
  end if;
  -- The root comes first: its row trigger makes those of the partitions.
  for v_trigger in
    select s.relation, s.is_root, s.trigger_name, s.trigger_function, s.should_be
    from syncwell._tracking_state(p_table_id) as s
    where s.state is null and (s.is_root or s.should_be <> 'R')
    order by s.is_root desc, s.relation::text, s.trigger_name
  loop
    execute format(
      'create or replace trigger %I %s on %s %s execute function syncwell_tables.%I()',
      v_trigger.trigger_name,
      case v_trigger.trigger_name
        when 'syncwell_inserted' then 'after insert'
        when 'syncwell_updated' then 'after update'
        when 'syncwell_deleted' then 'after delete'
        when 'syncwell_truncated' then 'before truncate'
        else 'after insert or update or delete'
      end,
      v_trigger.relation,
      case v_trigger.trigger_name
        when 'syncwell_inserted' then 'referencing new table as new_rows for each statement'
        when 'syncwell_updated' then 'referencing old table as old_rows new table as new_rows for each statement'
        when 'syncwell_deleted' then 'referencing old table as old_rows for each statement'
        when 'syncwell_truncated' then 'for each statement'
        else 'for each row'
      end,
      v_trigger.trigger_function
    );
  end loop;
  for v_trigger in
    select s.relation, s.trigger_name, s.should_be
    from syncwell._tracking_state(p_table_id) as s
    where s.state <> s.should_be
    order by s.is_root desc, s.relation::text, s.trigger_name
  loop
    execute format(
      'alter table %s enable %s trigger %I',
      v_trigger.relation,
      case v_trigger.should_be when 'R' then 'replica' when 'A' then 'always' else '' end,
      v_trigger.trigger_name
    );
  end loop;
  return v_repaired;
end
$$;
comment on function syncwell._ensure_triggers(integer) is
'Makes the triggers of a synced table and its partitions that are missing, and enables those that are not as they '
'should be, with the rights of the caller; returns how many.';
revoke all on function syncwell._ensure_triggers(integer) from public;
grant execute on function syncwell._ensure_triggers(integer) to syncwell_operator;
