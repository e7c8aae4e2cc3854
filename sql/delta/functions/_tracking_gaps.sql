create or replace function syncwell._tracking_gaps(
  p_table_id integer,
  out has_gaps boolean,
  out is_stale boolean,
  out new_partitions regclass[]
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_refusal record;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  select r.reason, r.hint into v_refusal from syncwell._table_refusal(v_table.relation) as r;
  if v_refusal.reason is not null then
    perform syncwell._refuse_table(v_refusal.reason, v_refusal.hint);
  end if;

  select coalesce(array_agg(p.relation) filter (where p.is_new), '{}'), coalesce(bool_or(not p.is_new), false)
  into new_partitions, has_gaps
  from (
    select
      s.relation,
      -- the row trigger comes with the partition
      not s.is_root and bool_and(s.state is null) filter (where s.should_be <> 'R') as is_new
    from syncwell._tracking_state(p_table_id) as s
    group by s.relation, s.is_root
    having bool_or(s.state is distinct from s.should_be)
  ) as p;
  has_gaps := has_gaps
    or v_table.partitions > syncwell._count_partitions(v_table.relation) - cardinality(new_partitions)
    or exists (select from syncwell._tracking_triggers(p_table_id) as s where not s.in_tree);
  is_stale := v_table.partitions is distinct from syncwell._count_partitions(v_table.relation)
    or not syncwell._is_generated(p_table_id);
end
$$;
comment on function syncwell._tracking_gaps(integer) is
'What a synced table lacks. has_gaps: changes may have been missed, since triggers of it or of its tracked partitions '
'are missing or disabled, or partitions have gone; is_stale: what is stored or generated is out of date; '
'new_partitions: those without triggers yet. Errors: SW302 where it can not be synced any more.';
revoke all on function syncwell._tracking_gaps(integer) from public;
-- ensure_tracking() runs with its caller's rights
grant execute on function syncwell._tracking_gaps(integer) to syncwell_operator;
