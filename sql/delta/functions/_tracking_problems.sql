create or replace function syncwell._tracking_problems(p_table_id integer)
returns table (
  relation regclass,
  problem text,
  hint text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_ensure text;
  v_present integer;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  if not exists (select from pg_class as c where c.oid = v_table.relation) then
    return query
    select
      null::regclass, 'The table was dropped.',
      format('select syncwell.unregister_synced_table(%s);', v_table.relation::oid);
    return;
  end if;
  v_ensure := format('select syncwell.ensure_tracking(%L);', v_table.relation);

  return query
  select null::regclass, r.reason, r.hint
  from syncwell._table_refusal(v_table.relation) as r
  where r.reason is not null;

  return query
  select null::regclass, d.problem, d.hint from syncwell._definition_problems(p_table_id) as d;
  if not found and not syncwell._is_generated(p_table_id) then
    return query
    select null::regclass, 'Its view or its functions are missing or of another version.', v_ensure;
  end if;

  return query
  select
    s.relation,
    case
      when not s.is_root and bool_and(s.state is null) filter (where s.should_be <> 'R')
        then 'The partition is not tracked.'
      else format(
        'Its triggers are not as they should be: %s.',
        string_agg(
          s.trigger_name || case s.state
            when 'D' then ' is disabled'
            when 'R' then ' fires for replicated changes only'
            when 'A' then ' fires always'
            when 'O' then ' does not fire for replicated changes'
            else ' is missing'
          end,
          ', ' order by s.trigger_name
        ) filter (where s.state is distinct from s.should_be)
      )
    end,
    v_ensure
  from syncwell._tracking_state(p_table_id) as s
  group by s.relation, s.is_root
  having bool_or(s.state is distinct from s.should_be);

  return query
  select distinct s.relation, 'It is no partition any more, and still has the triggers of one.', v_ensure
  from syncwell._tracking_triggers(p_table_id) as s
  where not s.in_tree;

  v_present := (
    select count(distinct s.relation)
    from syncwell._tracking_triggers(p_table_id) as s
    where s.in_tree and not s.is_root
  );
  if v_table.partitions > v_present and v_table.partitions > syncwell._count_partitions(v_table.relation) then
    return query
    select
      null::regclass,
      format('%s tracked partitions have gone, with rows that devices may still have.', v_table.partitions - v_present),
      v_ensure;
  end if;
end
$$;
comment on function syncwell._tracking_problems(integer) is
'What is wrong with the tracking of one table; relation NULL: the table itself.';
revoke all on function syncwell._tracking_problems(integer) from public;
