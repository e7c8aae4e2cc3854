create or replace function syncwell._partitions_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dropped bigint;
begin
  -- dropping locks the table before its partitions, as writers do; making may lock the default partition alone, and
  -- must not hold it when the table is asked for
  v_dropped := (select count(*) from syncwell.drop_old_partitions());
  return v_dropped + (select count(*) from syncwell.ensure_partitions());
end
$$;
comment on function syncwell._partitions_task() is 'Maintenance duty: partitions dropped, made and healed; how many.';
revoke all on function syncwell._partitions_task() from public;
