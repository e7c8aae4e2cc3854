create or replace function syncwell._tracking_state(p_table_id integer)
returns table (
  relation regclass,
  is_root boolean,
  trigger_name name,
  trigger_function name,
  should_be text,
  state text
)
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select t.relid, t.level = 0, e.trigger_name::name,
    (s.table_name || substr(e.trigger_name, 9))::name,
    e.should_be, g.tgenabled::text
  from syncwell.synced_tables as s
  cross join lateral (
    select p.relid, p.level from pg_partition_tree(s.relation) as p
    union
    select s.relation, 0
  ) as t
  cross join (
    values
    ('syncwell_inserted', 'O'), ('syncwell_updated', 'O'), ('syncwell_deleted', 'O'), ('syncwell_truncated', 'A'),
    ('syncwell_replicated', 'R')
  ) as e (trigger_name, should_be)
  left join pg_trigger as g
    on g.tgrelid = t.relid
      and g.tgname = e.trigger_name
      and g.tgfoid = to_regprocedure(
        format('syncwell_tables.%I()', s.table_name || substr(e.trigger_name, 9))
      )
  where s.table_id = p_table_id;
$$;
comment on function syncwell._tracking_state(integer) is
'The triggers that a synced table and its partitions must have: should_be O (fires in sessions of the application), R '
'(where changes are replicated), A (always); state: what there is, NULL where it is missing.';
revoke all on function syncwell._tracking_state(integer) from public;
-- register_synced_table() and ensure_tracking() make triggers with their callers' rights
grant execute on function syncwell._tracking_state(integer) to syncwell_operator;
