create or replace function syncwell._base_type(p_type regtype)
returns regtype
language sql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
  with recursive domains as (
    select t.oid, t.typtype, t.typbasetype from pg_type as t where t.oid = p_type
    union all
    select t.oid, t.typtype, t.typbasetype
    from domains as d inner join pg_type as t on t.oid = d.typbasetype
  )
  select d.oid::regtype from domains as d where d.typtype <> 'd';
$$;
comment on function syncwell._base_type(regtype) is 'The type itself, or what a domain is made of in the end.';
revoke all on function syncwell._base_type(regtype) from public;
