create or replace function syncwell._may_push(p_table_id integer)
returns boolean
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(bool_and(
      has_column_privilege(t.relation, c.column_name::text, 'insert')
      and (
        c.is_identity
        or has_column_privilege(t.relation, c.column_name::text, 'update')
      )
    ), false)
    from syncwell.synced_tables as t
    cross join lateral (
      select s.column_name, false as is_identity
      from syncwell.synced_columns as s
      where s.table_id = t.table_id and s.writable
      union all
      select i.column_name, true
      from (values (t.id_column), (t.scope_column), (t.org_column)) as i (column_name)
      where i.column_name is not null
    ) as c
    where t.table_id = p_table_id
  );
end
$$;
comment on function syncwell._may_push(integer) is
'Whether the current role has the privileges on a synced table that any push needs. Where it has, a refusal (42501) '
'comes from a policy or a trigger and is about one record.';
revoke all on function syncwell._may_push(integer) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._may_push(integer) to syncwell_client;
