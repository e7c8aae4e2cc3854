create or replace function syncwell._push_type(
  p_relation regclass,
  p_column name
)
returns text
language sql stable security invoker
begin atomic
  -- by its name in the catalog: "character" would be a character(1)
  select pg_catalog.format('%I.%I', n.nspname, t.typname)
  from pg_catalog.pg_attribute as a
  inner join pg_catalog.pg_type as t on a.atttypid = t.oid
  inner join pg_catalog.pg_namespace as n on t.typnamespace = n.oid
  where a.attrelid = p_relation and a.attname = p_column and not a.attisdropped;
end;
comment on function syncwell._push_type(regclass, name) is
'The type of a column as SQL, without its length: a cast to it cuts nothing off.';
revoke all on function syncwell._push_type(regclass, name) from public;
