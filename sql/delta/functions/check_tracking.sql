create or replace function syncwell.check_tracking(p_table regclass default null)
returns table (
  table_name text,
  relation text,
  problem text,
  hint text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_table is not null then
    perform syncwell._synced_table_id(p_table);
  end if;
  return query
  select t.table_name, coalesce(p.relation, t.relation)::text, p.problem, p.hint
  from syncwell.synced_tables as t
  cross join lateral syncwell._tracking_problems(t.table_id) as p
  where p_table is null or t.relation = p_table
  order by t.position, coalesce(p.relation, t.relation) <> t.relation, 2, 3;
end
$$;
comment on function syncwell.check_tracking(regclass) is
'What keeps changes of p_table, or of any synced table, from reaching devices, one row each, none where all is well: '
'triggers that are missing or disabled, partitions that are not tracked or were detached, columns, key or table that '
'were dropped or changed, functions of another version. relation: the table or partition, a number where it was '
'dropped; hint: what its owner does. What was missed while a trigger was disabled and is enabled again nobody can see: '
'see resync_table(). Errors: SW301 not registered.';
revoke all on function syncwell.check_tracking(regclass) from public;
grant execute on function syncwell.check_tracking(regclass) to syncwell_operator;
