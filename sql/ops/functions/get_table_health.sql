create or replace function syncwell.get_table_health()
returns table (
  relation text,
  finding text,
  detail text,
  remedy text,
  bytes bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select
    format('syncwell.%I', c.relname),
    'needs vacuum',
    format('%s of %s rows are dead', s.n_dead_tup, s.n_live_tup + s.n_dead_tup),
    format('vacuum (analyze) syncwell.%I', c.relname),
    pg_relation_size(c.oid)
  from pg_class as c
  join pg_stat_all_tables as s on s.relid = c.oid
  where
    c.relnamespace = 'syncwell'::regnamespace
    and c.relkind = 'r'
    -- twice what makes autovacuum start by default
    and s.n_dead_tup > 10000 + 0.4 * greatest(s.n_live_tup, 0)
  union all
  select
    format('syncwell.%I', c.relname),
    'transaction ids run out',
    format('its oldest row is %s transactions old', age(c.relfrozenxid)),
    format('vacuum (freeze) syncwell.%I', c.relname),
    pg_relation_size(c.oid)
  from pg_class as c
  where c.relnamespace = 'syncwell'::regnamespace and c.relkind = 'r' and age(c.relfrozenxid) > 1000000000
  union all
  select
    format('syncwell.%I', i.relname),
    'invalid index',
    format('an index of %s that is not used', x.indrelid::regclass),
    format('reindex index concurrently syncwell.%I', i.relname),
    pg_relation_size(i.oid)
  from pg_index as x
  join pg_class as i on i.oid = x.indexrelid
  where i.relnamespace = 'syncwell'::regnamespace and not (x.indisvalid and x.indisready) and i.relkind = 'i'
  union all
  select
    format('syncwell.%I', b.relname),
    'needs reindex',
    format('it takes %s, an index built anew about %s', pg_size_pretty(b.bytes), pg_size_pretty(b.expected)),
    format('reindex index concurrently syncwell.%I', b.relname),
    b.bytes
  from (
    select
      i.relname,
      pg_relation_size(i.oid) as bytes,
      -- an entry: its head and pointer, and its columns, as wide as they are on average; pages nine tenths full
      (i.reltuples * (16 + sum(coalesce(w.avg_width, 16))) / 0.9)::bigint as expected
    from pg_index as x
    join pg_class as i on i.oid = x.indexrelid
    join pg_am as m on m.oid = i.relam and m.amname = 'btree'
    join pg_class as c on c.oid = x.indrelid
    join pg_attribute as a on a.attrelid = i.oid and a.attnum > 0
    left join pg_attribute as h on h.attrelid = c.oid and h.attnum = x.indkey[a.attnum - 1]
    left join pg_stats as w
      on w.schemaname = 'syncwell' and w.tablename = c.relname and w.attname = h.attname and not w.inherited
    where i.relnamespace = 'syncwell'::regnamespace and i.relkind = 'i' and i.relpages > 1280 and i.reltuples >= 0
    group by i.oid, i.relname, i.reltuples
  ) as b
  where b.bytes > 3 * b.expected
  order by 5 desc, 1, 2;
end
$$;
comment on function syncwell.get_table_health() is
'The tables and indexes that need attention, the largest first; none on a healthy server. finding: needs vacuum (two '
'fifths of the rows and 10000 are dead), transaction ids run out (a row is a thousand million transactions old), '
'invalid index, needs reindex (more than 10 MB and three times what it would take built anew: entries times their '
'average width, nine tenths full); remedy: what to run; bytes: its size.';
revoke all on function syncwell.get_table_health() from public;
grant execute on function syncwell.get_table_health() to syncwell_operator;
