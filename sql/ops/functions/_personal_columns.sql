create or replace function syncwell._personal_columns()
returns table (
  place integer,
  table_name text,
  user_column text,
  on_erase text,
  condition text,
  named_user text,
  changes text,
  also_cleared text[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with recursive depths as (
    select c.oid, 0 as depth
    from pg_class as c
    where c.relnamespace = 'syncwell'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    union
    select k.conrelid, d.depth + 1
    from depths as d
    join pg_constraint as k on k.confrelid = d.oid and k.conrelid <> d.oid and k.contype = 'f' and k.conparentid = 0
  ),
  columns as (
    select
      n.table_name,
      p.user_column,
      p.on_erase,
      p.also_cleared,
      a.atttypid,
      exists (
        select from pg_attribute as o
        where o.attrelid = a.attrelid and o.attname = 'org_id' and not o.attisdropped
      ) as has_org,
      (select max(d.depth) from depths as d where d.oid = a.attrelid) as depth
    from syncwell.personal_data as p
    cross join lateral (
      select p.table_name
      union all
      select t from syncwell._detached_partitions(p.table_name) as t
    ) as n
    join pg_attribute as a
      on a.attrelid = to_regclass('syncwell.' || quote_ident(n.table_name))
        and a.attname = p.user_column
        and not a.attisdropped
  )
  select
    -- what refers to other rows goes before them
    row_number() over (order by c.on_erase desc, c.depth desc, c.table_name, c.user_column)::integer,
    c.table_name,
    c.user_column,
    c.on_erase,
    -- $1 the user, $2 its org where that is known
    format(
      case c.atttypid
        when 'uuid'::regtype then 't.%1$I = $1'
        when 'jsonb'::regtype then 't.%1$I @> jsonb_build_object(''user_id'', $1::text)'
        else 'starts_with(t.%1$I, $1::text)'
      end,
      c.user_column
    ) || case when c.has_org then ' and ($2::uuid is null or t.org_id = $2)' else '' end,
    format(
      case c.atttypid
        when 'uuid'::regtype then 't.%I::text'
        when 'jsonb'::regtype then 't.%I ->> ''user_id'''
        else 'left(t.%I, 36)'
      end,
      c.user_column
    ),
    (
      select string_agg(format('%I = null', u.name), ', ')
      from unnest(c.user_column || c.also_cleared) as u (name)
    ),
    c.also_cleared
  from columns as c;
end
$$;
comment on function syncwell._personal_columns() is
'Registry personal_data as SQL, partitions that were detached included, in an order that foreign keys allow. '
'condition: which rows t name the user $1, of the org $2 where that is known; named_user: the user a row names, as '
'text; changes: what anonymises a row, which clears also_cleared too.';
revoke all on function syncwell._personal_columns() from public;
