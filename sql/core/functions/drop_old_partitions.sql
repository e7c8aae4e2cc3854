create or replace function syncwell.drop_old_partitions(p_table text default null)
returns table (
  table_name text,
  partition_name text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- months are UTC months, whatever the session's time zone
set timezone = 'UTC'
-- whoever waits behind this waits no longer
set lock_timeout = '5s'
as $$
#variable_conflict use_column
declare
  v_table syncwell.partitioned_tables;
  v_keep_from timestamptz;
  v_detach boolean;
begin
  -- one maintainer at a time
  perform from syncwell.partitioned_tables as t
  where p_table is null or t.table_name = p_table
  order by t.table_name
  for no key update;
  for v_table in
    select * from syncwell._registered_tables(p_table) as t where t.retention_setting is not null
  loop
    table_name := v_table.table_name;
    -- a partition holds rows of all orgs: the longest retention that anybody set counts, and detach where anybody did
    v_keep_from := syncwell._now() - greatest(
      syncwell._setting(null, v_table.retention_setting)::interval,
      (select max(s.value::interval) from syncwell.settings as s where s.key = v_table.retention_setting)
    );
    v_detach := v_table.expiry_setting is not null and (
      syncwell._setting(null, v_table.expiry_setting) = 'detach'
      or exists (select from syncwell.settings as s where s.key = v_table.expiry_setting and s.value = 'detach')
    );
    for partition_name in
      select p.partition_name
      from syncwell._partitions(v_table.table_name) as p
      where p.month + interval '1 month' <= v_keep_from
      order by p.month
    loop
      if v_detach then
        partition_name := syncwell._detach_partition(v_table.table_name, partition_name);
      else
        execute format('drop table syncwell.%I', partition_name);
      end if;
      return next;
    end loop;
    if found and v_table.on_change is not null then
      execute format('select syncwell.%I($1)', v_table.on_change) using v_table.table_name;
    end if;
  end loop;
end
$$;
comment on function syncwell.drop_old_partitions(text) is
'Drops the partitions of p_table, or of every registered table, whose whole month is older than the table''s '
'retention setting; the longest that is set for any org or source counts. Where the table''s expiry setting says '
'detach, for whatever org, they stay as tables of their own, named after the partition with _detached, with no rights '
'for anybody but the owner. Returns them by the name that they have or had last. Errors: 22023 unknown table, 55P03 a '
'lock took longer than 5 s: nothing is dropped, try again.';
revoke all on function syncwell.drop_old_partitions(text) from public;
grant execute on function syncwell.drop_old_partitions(text) to syncwell_operator;
