create or replace function syncwell._partitions(p_table text)
returns table (
  partition_name text,
  month timestamptz,
  partition regclass
)
language sql stable security invoker
begin atomic
  select
    c.relname::text as partition_name,
    case
      when c.relname ~ '_[0-9]{4}_[0-9]{2}$'
        then to_timestamp(right(c.relname, 7) || '_01 00+00', 'YYYY_MM_DD HH24TZH')
    end as month,
    c.oid::regclass as partition
  from pg_catalog.pg_inherits as i
  join pg_catalog.pg_class as c on i.inhrelid = c.oid
  where i.inhparent = pg_catalog.to_regclass('syncwell.' || pg_catalog.quote_ident(p_table));
end;
comment on function syncwell._partitions(text) is
'The partitions of a table with the month each is for; NULL for the default one.';
revoke all on function syncwell._partitions(text) from public;
