create or replace function syncwell._partitions_task(p_table text)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dropped bigint;
begin
  -- dropping locks the table before its partitions, as writers do; making may lock the default partition alone, and
  -- must not hold it when the table is asked for
  v_dropped := (select count(*) from syncwell.drop_old_partitions(p_table));
  return v_dropped + (select count(*) from syncwell.ensure_partitions(p_table));
end
$$;
comment on function syncwell._partitions_task(text) is
'Maintenance duty: partitions of a registered table dropped, made and healed; how many.';
revoke all on function syncwell._partitions_task(text) from public;
