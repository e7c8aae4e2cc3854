create or replace function syncwell._repaired_record(
  p_table_id integer,
  p_record json
)
returns json
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select (p_record::jsonb || f.fixes)::json
    from (
      select jsonb_object_agg(
        c.column_name,
        case
          when c.json_type = 'boolean' then to_jsonb((r.value #>> '{}')::double precision <> 0)
          else to_jsonb(case when r.value #>> '{}' = 'true' then 1 else 0 end)
        end
      ) as fixes
      from jsonb_each(p_record::jsonb) as r
      inner join syncwell.synced_columns as c on c.table_id = p_table_id and c.column_name = r.key
      where c.json_type = 'boolean' and jsonb_typeof(r.value) = 'number'
        or c.json_type = 'number' and r.value #>> '{}' in ('true', 'false')
    ) as f
    where f.fixes is not null
  );
end
$$;
comment on function syncwell._repaired_record(integer, json) is
'A record in which numbers stand where booleans belong, or the other way round, with these turned into what was meant; '
'NULL where there is nothing of the kind. Other wrong types are read by their text.';
revoke all on function syncwell._repaired_record(integer, json) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._repaired_record(integer, json) to syncwell_client;
