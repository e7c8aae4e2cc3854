create or replace function syncwell._export_rows(
  p_org_id uuid,
  p_user_id uuid
)
returns table (
  table_name text,
  data jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_column record;
begin
  for v_column in
    select c.*
    from syncwell._personal_columns() as c
    order by c.table_name, c.user_column
  loop
    return query execute format(
      'select %1$L, to_jsonb(t) - %2$L::text[] %3$s from syncwell.%4$I as t where %5$s',
      v_column.table_name,
      -- whoever has a lease may act in its name
      array['lease', 'lease_token', 'retry_lease'],
      -- of a row that is somebody else's: what the user did there
      case v_column.on_erase
        when 'anonymise' then format('- (%L::text[])', array(
          select a.attname
          from pg_attribute as a
          where a.attrelid = to_regclass('syncwell.' || quote_ident(v_column.table_name))
            and a.attnum > 0
            and not a.attisdropped
            and a.atttypid <> 'timestamptz'::regtype
            and a.attname <> all (v_column.also_cleared || array['org_id', 'id', 'sync_id', v_column.user_column])
        ))
        else ''
      end,
      v_column.table_name,
      v_column.condition
    )
    using p_user_id, p_org_id;
  end loop;
end
$$;
comment on function syncwell._export_rows(uuid, uuid) is
'Every row that names a user, all as of one moment: without leases, and of rows that are somebody else''s only the '
'key, the times and what the user left there.';
revoke all on function syncwell._export_rows(uuid, uuid) from public;
