create or replace function syncwell.ensure_tracking(p_table regclass default null)
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_plan record;
  v_trigger record;
  v_repaired integer := 0;
  v_count integer;
begin
  if p_table is not null then
    perform syncwell._synced_table_id(p_table);
  end if;
  for v_table in
    select t.table_id, t.relation
    from syncwell.synced_tables as t
    inner join pg_class as c on c.oid = t.relation
    where t.relation = p_table or (p_table is null and pg_has_role(c.relowner, 'usage'))
    order by t.position
  loop
    -- what was missed is judged before the repair, what is in new partitions after it, when no writer is under way
    select s.* into v_plan from syncwell._tracking_gaps(v_table.table_id) as s;
    v_count := syncwell._ensure_triggers(v_table.table_id);
    for v_trigger in
      select s.relation, s.trigger_name from syncwell._tracking_triggers(v_table.table_id) as s where not s.in_tree
    loop
      execute format('drop trigger %I on %s', v_trigger.trigger_name, v_trigger.relation);
      v_count := v_count + 1;
    end loop;
    if v_count > 0 or v_plan.is_stale then
      perform syncwell._note_tracking(
        v_table.relation,
        v_plan.has_gaps or exists (
          select from unnest(v_plan.new_partitions) as n (relation) where pg_relation_size(n.relation) > 0
        )
      );
    end if;
    v_repaired := v_repaired + v_count;
  end loop;
  return v_repaired;
end
$$;
comment on function syncwell.ensure_tracking(regclass) is
'Makes what is missing of the tracking of p_table, or of every synced table that the caller owns: triggers on new '
'partitions, triggers that were dropped or disabled; takes them off partitions that were detached. Returns how many '
'triggers were made, enabled or dropped. Where changes may have been missed (a trigger was missing or disabled, a '
'partition came with rows or went) devices are sent the table in full. To be called by the owner of the tables, who '
'also needs the role syncwell_operator, whenever partitions come or go: maintenance runs as nobody who could. Errors: '
'42501 not the owner, SW301 not registered, SW302 it can not be synced any more.';
revoke all on function syncwell.ensure_tracking(regclass) from public;
grant execute on function syncwell.ensure_tracking(regclass) to syncwell_operator;
