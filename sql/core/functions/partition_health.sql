create or replace function syncwell.partition_health(p_table text default null)
returns table (
  table_name text,
  partition_name text,
  month timestamptz,
  is_default boolean,
  estimated_rows bigint,
  total_bytes bigint,
  finding text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- months are UTC months, whatever the session's time zone
set timezone = 'UTC'
as $$
declare
  v_table syncwell.partitioned_tables;
  v_rows bigint;
  v_this_month constant timestamptz := date_trunc('month', syncwell._now());
begin
  for v_table in select * from syncwell._registered_tables(p_table) loop
    execute format(
      'select count(*) from (select from syncwell.%I limit 1000) as counted', v_table.table_name || '_default'
    )
    into v_rows;
    return query
    select
      v_table.table_name,
      p.partition_name,
      p.month,
      p.month is null,
      case when p.month is null then v_rows else nullif(c.reltuples, -1)::bigint end,
      pg_total_relation_size(p.partition),
      case
        when p.month is null and v_rows > 0
          then 'rows in the default partition: ensure_partitions() moves them, but for those of a time too far ahead '
          'or more than 5 years ago'
        when p.month = max(p.month) over () and p.month < v_this_month + interval '1 month'
          then 'the newest partition: ensure_partitions() has not run for too long'
      end
    from syncwell._partitions(v_table.table_name) as p
    join pg_class as c on c.oid = p.partition
    order by p.month nulls first;
  end loop;
end
$$;
comment on function syncwell.partition_health(text) is
'Each partition of p_table, or of every registered table: its month, rows (an estimate, NULL before the first '
'ANALYZE; in the default partition counted, up to 1000), bytes with indexes, and a finding in words where something '
'is wrong. Errors: 22023 unknown table.';
revoke all on function syncwell.partition_health(text) from public;
grant execute on function syncwell.partition_health(text) to syncwell_operator;
