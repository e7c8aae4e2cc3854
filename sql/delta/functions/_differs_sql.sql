create or replace function syncwell._differs_sql(
  p_relation regclass,
  p_columns name[]
)
returns text
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    nullif(concat_ws(
      ' or ',
      '(' || string_agg(format('o.c%s', x.position), ', ' order by x.position) filter (where x.is_plain)
      || ') is distinct from ('
      || string_agg(format('n.c%s', x.position), ', ' order by x.position) filter (where x.is_plain) || ')',
      'row(' || string_agg(format('o.c%s', x.position), ', ' order by x.position) filter (where not x.is_plain)
      || ')::record operator(*<>) row('
      || string_agg(format('n.c%s', x.position), ', ' order by x.position) filter (where not x.is_plain)
      || ')::record'
    ), ''),
    'false'
  )
  from (
    select
      n.position,
      (
        t.typtype = 'e'
        or t.oid = any (array[
          'text', 'varchar', 'uuid', 'boolean', 'smallint', 'integer', 'bigint', 'timestamptz', 'timestamp', 'date',
          'time', 'bytea'
        ]::regtype[])
      ) and coalesce(c.collisdeterministic, true) as is_plain
    from unnest(p_columns) with ordinality as n (name, position)
    inner join pg_attribute as a on a.attrelid = p_relation and a.attname = n.name
    inner join pg_type as t on t.oid = syncwell._base_type(a.atttypid)
    left join pg_collation as c on c.oid = a.attcollation
  ) as x;
$$;
comment on function syncwell._differs_sql(regclass, name[]) is
'SQL that tells whether rows o and n, with the columns as c1, c2, …, differ: by the equality of types that know but '
'one spelling of a value, by the image of all others, some of which (json, point) have no equality.';
revoke all on function syncwell._differs_sql(regclass, name[]) from public;
