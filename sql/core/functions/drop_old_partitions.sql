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
begin
  perform pg_advisory_xact_lock(hashtextextended('syncwell.ensure_partitions', 0));
  for v_table in
    select * from syncwell._registered_tables(p_table) as t where t.retention_setting is not null
  loop
    table_name := v_table.table_name;
    -- a partition holds rows of all orgs: the longest retention that anybody set counts
    v_keep_from := syncwell._now() - greatest(
      syncwell._setting(null, v_table.retention_setting)::interval,
      (select max(s.value::interval) from syncwell.settings as s where s.key = v_table.retention_setting)
    );
    for partition_name in
      select p.partition_name
      from syncwell._partitions(v_table.table_name) as p
      where p.month + interval '1 month' <= v_keep_from
      order by p.month
    loop
      execute format('drop table syncwell.%I', partition_name);
      return next;
    end loop;
  end loop;
end
$$;
comment on function syncwell.drop_old_partitions(text) is
'Drops the partitions of p_table, or of every registered table, whose whole month is older than the table''s '
'retention setting; the longest that is set for any org or source counts. Returns them. Errors: 22023 unknown table, '
'55P03 a lock took longer than 5 s: nothing is dropped, try again.';
revoke all on function syncwell.drop_old_partitions(text) from public;
grant execute on function syncwell.drop_old_partitions(text) to syncwell_operator;
