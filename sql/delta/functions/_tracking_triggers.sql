create or replace function syncwell._tracking_triggers(p_table_id integer)
returns table (
  relation regclass,
  trigger_name name,
  is_root boolean,
  in_tree boolean
)
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select g.tgrelid::regclass, g.tgname, g.tgrelid = s.relation,
    g.tgrelid = s.relation or exists (
      select from pg_partition_tree(s.relation) as p where p.relid = g.tgrelid
    )
  from syncwell.synced_tables as s
  inner join pg_proc as f
    on f.pronamespace = 'syncwell_tables'::regnamespace
      and f.proname = any (array[
        s.table_name || '_inserted', s.table_name || '_updated', s.table_name || '_deleted',
        s.table_name || '_truncated', s.table_name || '_replicated'
      ])
  inner join pg_trigger as g on g.tgfoid = f.oid and g.tgparentid = 0
  where s.table_id = p_table_id;
$$;
comment on function syncwell._tracking_triggers(integer) is
'The triggers that call a synced table''s functions, wherever they are: on it, on its partitions, on former ones.';
revoke all on function syncwell._tracking_triggers(integer) from public;
-- unregister_synced_table() and ensure_tracking() drop triggers with their callers' rights
grant execute on function syncwell._tracking_triggers(integer) to syncwell_operator;
