create or replace function syncwell._detached_partitions(p_table text)
returns setof text
language sql stable security invoker rows 1
begin atomic
  select c.relname::text
  from pg_catalog.pg_class as c
  where
    c.relnamespace = 'syncwell'::regnamespace
    and c.relkind = 'r'
    and not c.relispartition
    and c.relname ~ ('^' || p_table || '_[0-9]{4}_[0-9]{2}_detached(_[0-9]+)?$');
end;
comment on function syncwell._detached_partitions(text) is
'The tables that _detach_partition() made of partitions of p_table: people are still named in them.';
revoke all on function syncwell._detached_partitions(text) from public;
