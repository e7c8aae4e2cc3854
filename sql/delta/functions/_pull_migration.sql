create or replace function syncwell._pull_migration(
  p_migration jsonb,
  out tables text[],
  out columns jsonb,
  out ignored text[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  if jsonb_typeof(p_migration) = 'null' then
    return;
  end if;
  v_wrong := case
    when jsonb_typeof(p_migration) <> 'object' then 'It is no object.'
    when coalesce(jsonb_typeof(p_migration -> 'from'), 'null') not in ('null', 'number') then 'from is no number.'
    when coalesce(jsonb_typeof(p_migration -> 'tables'), 'null') not in ('null', 'array') then 'tables is no array.'
    when coalesce(jsonb_typeof(p_migration -> 'columns'), 'null') not in ('null', 'array') then 'columns is no array.'
    when octet_length(p_migration::text) > 1048576 then 'It is larger than a megabyte.'
  end;
  if v_wrong is null then
    if exists (
      select from jsonb_path_query(p_migration, 'strict $.tables[*]', silent => true) as t (name)
      where jsonb_typeof(t.name) <> 'string'
    ) then
      v_wrong := 'tables has something else than names.';
    elsif exists (
      select from jsonb_path_query(p_migration, 'strict $.columns[*]', silent => true) as c (entry)
      where jsonb_typeof(c.entry) <> 'object'
        or jsonb_typeof(c.entry -> 'table') is distinct from 'string'
        or jsonb_typeof(c.entry -> 'columns') is distinct from 'array'
    ) then
      v_wrong := 'columns has something else than {table, columns: [names]}.';
    elsif exists (
      select from jsonb_path_query(p_migration, 'strict $.columns[*].columns[*]', silent => true) as c (name)
      where jsonb_typeof(c.name) <> 'string'
    ) then
      v_wrong := 'columns has something else than names.';
    end if;
  end if;
  if v_wrong is not null then
    raise exception using
      errcode = '22023',
      message = 'p_migration is not what a client sends',
      detail = v_wrong,
      hint = 'It is null or {"from": 1, "tables": ["a"], "columns": [{"table": "b", "columns": ["c"]}]}.';
  end if;

  select array_agg(distinct t.name) into tables
  from jsonb_array_elements_text(coalesce(nullif(p_migration -> 'tables', 'null'), '[]')) as t (name)
  join syncwell.synced_tables as s on s.table_name = t.name;
  select jsonb_object_agg(k.table_name, k.names) into columns
  from (
    select s.table_name, jsonb_agg(distinct c.column_name) as names
    from jsonb_array_elements(coalesce(nullif(p_migration -> 'columns', 'null'), '[]')) as e (entry)
    join syncwell.synced_tables as s on s.table_name = e.entry ->> 'table'
    cross join jsonb_array_elements_text(e.entry -> 'columns') as n (name)
    join syncwell.synced_columns as c on c.table_id = s.table_id and c.column_name = n.name
    where s.table_name <> all (coalesce(tables, '{}'))
    group by s.table_name
  ) as k;
  select array_agg(distinct left(u.name, 200)) into ignored
  from (
    select t.name
    from jsonb_array_elements_text(coalesce(nullif(p_migration -> 'tables', 'null'), '[]')) as t (name)
    where not exists (select from syncwell.synced_tables as s where s.table_name = t.name)
    union all
    select concat(e.entry ->> 'table', '.', n.name)
    from jsonb_array_elements(coalesce(nullif(p_migration -> 'columns', 'null'), '[]')) as e (entry)
    cross join jsonb_array_elements_text(e.entry -> 'columns') as n (name)
    where not exists (
      select from syncwell.synced_tables as s
      join syncwell.synced_columns as c on c.table_id = s.table_id
      where s.table_name = e.entry ->> 'table' and c.column_name = n.name
    )
  ) as u;
end
$$;
comment on function syncwell._pull_migration(jsonb) is
'What of a client''s migration is synced: new tables, new columns by table, and what is not (ignored: name or '
'table.column). Errors: 22023 when it is not of the form that clients send.';
revoke all on function syncwell._pull_migration(jsonb) from public;
