create or replace function syncwell._table_health_task()
returns bigint
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select count(*) from syncwell.get_table_health());
end
$$;
comment on function syncwell._table_health_task() is
'Duty of maintenance: how many tables and indexes need VACUUM or REINDEX; get_table_health() names them.';
revoke all on function syncwell._table_health_task() from public;
