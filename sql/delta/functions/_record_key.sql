create or replace function syncwell._record_key(
  p_relation regclass,
  p_id_column name,
  p_scope_column name,
  p_org_column name
)
returns name[]
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select k.columns
  from (
    select
      i.indexrelid,
      (
        select array_agg(a.attname order by u.position)
        from unnest(i.indkey::smallint[]) with ordinality as u (attnum, position)
        inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = u.attnum
        where u.position <= i.indnkeyatts
      ) as columns
    from pg_index as i
    where i.indrelid = p_relation
      and i.indisunique
      and i.indisvalid
      and i.indisready
      and i.indimmediate
      and i.indpred is null
      and i.indexprs is null
  ) as k
  where p_id_column = any (k.columns)
    and k.columns <@ array_remove(array[p_id_column, p_scope_column, p_org_column], null)
  order by cardinality(k.columns), k.indexrelid
  limit 1;
$$;
comment on function syncwell._record_key(regclass, name, name, name) is
'The columns of the unique key that finds a record: its id alone, or with its owner and org; NULL where there is none.';
revoke all on function syncwell._record_key(regclass, name, name, name) from public;
