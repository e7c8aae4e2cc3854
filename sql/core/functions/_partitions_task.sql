create or replace function syncwell._partitions_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select count(*) from syncwell.ensure_partitions())
    + (select count(*) from syncwell.drop_old_partitions());
end
$$;
comment on function syncwell._partitions_task() is 'Maintenance duty: partitions made, healed and dropped; how many.';
revoke all on function syncwell._partitions_task() from public;
