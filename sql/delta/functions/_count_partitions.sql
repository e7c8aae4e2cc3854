create or replace function syncwell._count_partitions(p_table regclass)
returns integer
language sql stable security invoker
as $$
  select
    case
      when c.relkind = 'p' then (select pg_catalog.count(*) - 1 from pg_catalog.pg_partition_tree(p_table))
    end::integer
  from pg_catalog.pg_class as c
  where c.oid = p_table;
$$;
comment on function syncwell._count_partitions(regclass) is
'How many partitions a table has, at all levels; NULL for a table that is not partitioned.';
revoke all on function syncwell._count_partitions(regclass) from public;
