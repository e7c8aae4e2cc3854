create or replace function syncwell._track_partitions(p_table text)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_gaps record;
  v_trigger record;
begin
  select t.table_id, t.relation into v_table
  from syncwell.synced_tables as t
  where t.relation = to_regclass('syncwell.' || quote_ident(p_table));
  if not found then
    return;
  end if;
  select g.* into v_gaps from syncwell._tracking_gaps(v_table.table_id) as g;
  perform syncwell._ensure_triggers(v_table.table_id);
  for v_trigger in
    select s.relation, s.trigger_name from syncwell._tracking_triggers(v_table.table_id) as s where not s.in_tree
  loop
    execute format('drop trigger %I on %s', v_trigger.trigger_name, v_trigger.relation);
  end loop;
  perform syncwell._note_tracked(
    v_table.table_id,
    v_gaps.has_gaps or exists (
      select from unnest(v_gaps.new_partitions) as n (relation) where pg_relation_size(n.relation) > 0
    )
  );
end
$$;
comment on function syncwell._track_partitions(text) is
'Tracks the partitions that were made of a table of this schema, if that is synced, as ensure_tracking() does for an '
'application''s: with the rights of who makes them, in the same transaction, so that no pull finds them untracked.';
revoke all on function syncwell._track_partitions(text) from public;
