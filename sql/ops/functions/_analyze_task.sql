create or replace function syncwell._analyze_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_tables bigint := 0;
begin
  for v_table in
    select c.oid::regclass
    from pg_class as c
    left join pg_stat_all_tables as s on s.relid = c.oid
    where
      c.relnamespace = 'syncwell'::regnamespace
      and not c.relispartition
      and case c.relkind
        -- of these nothing counts what was written: what their partitions hold, by their own statistics, tells
        when 'p' then (
          select
            abs(coalesce(sum(greatest(l.n_live_tup, 0)), 0) - greatest(c.reltuples, 0))
            > 1000 + 0.1 * greatest(c.reltuples, 0)
          from pg_partition_tree(c.oid) as t
          join pg_stat_all_tables as l on l.relid = t.relid
          where t.isleaf
        )
        when 'r' then s.n_mod_since_analyze > 1000 + 0.1 * greatest(s.n_live_tup, 0)
      end
    order by c.relname
  loop
    execute format('analyze %s', v_table);
    v_tables := v_tables + 1;
  end loop;
  return v_tables;
end
$$;
comment on function syncwell._analyze_task() is
'Duty of maintenance: ANALYZE of the tables that changed by more than a tenth and 1000 rows since the last one; how '
'many tables.';
revoke all on function syncwell._analyze_task() from public;
