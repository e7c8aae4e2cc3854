create or replace function syncwell._pull_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_type text;
  v_columns text;
  v_changed text;
  v_mine text;
  v_text text;
  v_name text;
begin
  select t.* into v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  select format_type(a.atttypid, null) into v_type
  from pg_attribute as a
  where a.attrelid = v_table.relation and a.attname = v_table.id_column;
  select
    string_agg(format(', v.%I', c.column_name), '' order by c.position),
    string_agg(
      format(
        case c.json_type
          when 'boolean' then '%L = any (p_columns) and v.%I'
          when 'number' then '%L = any (p_columns) and v.%I <> 0'
          else '%L = any (p_columns) and v.%I <> '''''
        end,
        c.column_name, c.column_name
      ),
      ' or ' order by c.position
    )
  into v_columns, v_changed
  from syncwell.synced_columns as c
  where c.table_id = p_table_id;
  select format('v._owner = p_scope::%s', format_type(a.atttypid, null))
  into v_mine
  from pg_attribute as a
  where a.attrelid = v_table.relation and a.attname = v_table.scope_column;
  if v_table.org_column is not null then
    select v_mine || format(' and v._org = p_org::%s', format_type(a.atttypid, null))
    into v_mine
    from pg_attribute as a
    where a.attrelid = v_table.relation and a.attname = v_table.org_column;
  end if;

  v_text := $template$
-- records by id: each found through the table's key, whatever the table's size was when this was planned
create or replace function syncwell_tables.{pull}(
  p_scope uuid,
  p_org uuid,
  p_created text[],
  p_updated text[],
  out created json,
  out updated json,
  out created_count bigint,
  out updated_count bigint
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $body$
begin
  if p_created is not null then
    select json_agg(r), count(*)
    into created, created_count
    from (
      select v.id{columns}
      from (
        select v.* from syncwell_tables.{view} as v where v._key = any (p_created::{type}[]){mine_inside} offset 0
      ) as v
      where {mine}
    ) as r;
  end if;
  if p_updated is not null then
    select json_agg(r), count(*)
    into updated, updated_count
    from (
      select v.id{columns}
      from (
        select v.* from syncwell_tables.{view} as v where v._key = any (p_updated::{type}[]){mine_inside} offset 0
      ) as v
      where {mine}
    ) as r;
  end if;
end
$body$;
revoke all on function syncwell_tables.{pull}(uuid, uuid, text[], text[]) from public;
grant execute on function syncwell_tables.{pull}(uuid, uuid, text[], text[]) to syncwell_client;

-- which of these ids the caller's rights hide
create or replace function syncwell_tables.{pull_hidden}(
  p_scope uuid,
  p_org uuid,
  p_ids text[]
)
returns text[]
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $body$
begin
  return (
    select array_agg(k.id::text)
    from unnest(p_ids::{type}[]) as k (id)
    left join lateral (
      select true as found from syncwell_tables.{view} as v where v._key = k.id and {mine} offset 0
    ) as r on true
    where r.found is null
  );
end
$body$;
revoke all on function syncwell_tables.{pull_hidden}(uuid, uuid, text[]) from public;
grant execute on function syncwell_tables.{pull_hidden}(uuid, uuid, text[]) to syncwell_client;

-- everything of one scope; more than the answer can hold is not built: then records is NULL
create or replace function syncwell_tables.{pull_all}(
  p_scope uuid,
  p_org uuid,
  p_max_bytes bigint,
  out records json,
  out record_count bigint
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $body$
declare
  c_sample constant bigint := 20000;
  v_most bigint;
begin
  select json_agg(r), count(*)
  into records, record_count
  from (select v.id{columns} from syncwell_tables.{view} as v where {mine} limit c_sample) as r;
  if record_count < c_sample then
    return;
  end if;
  v_most := c_sample + 2 * p_max_bytes * c_sample / pg_column_size(records);
  records := null;
  select count(*) into record_count
  from (select from syncwell_tables.{view} as v where {mine} limit v_most) as r;
  if record_count < v_most then
    select json_agg(r)
    into records
    from (select v.id{columns} from syncwell_tables.{view} as v where {mine}) as r;
  end if;
end
$body$;
revoke all on function syncwell_tables.{pull_all}(uuid, uuid, bigint) from public;
grant execute on function syncwell_tables.{pull_all}(uuid, uuid, bigint) to syncwell_client;

-- a page of everything of one scope, without those that are not to be sent yet
create or replace function syncwell_tables.{pull_page}(
  p_scope uuid,
  p_org uuid,
  p_after text,
  p_but text[],
  p_gone text[],
  p_limit integer,
  out records json,
  out record_count bigint,
  out last text,
  out has_more boolean,
  out gone text[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $body$
begin
  select
    json_agg(r.record order by r.place) filter (where r.place <= p_limit),
    count(*) filter (where r.place <= p_limit),
    min(r.id) filter (where r.place = p_limit),
    count(*) > p_limit
  into records, record_count, last, has_more
  from (
    select row_to_json(l) as record, l.id, row_number() over () as place
    from (
      select v.id{columns}
      from syncwell_tables.{view} as v
      where {mine}
        and (p_after is null or v._key > p_after::{type})
        and (p_but is null or v.id <> all (p_but))
      order by v._key
      limit p_limit + 1
    ) as l
  ) as r;
  -- what this page would have had if it had been read with the first one
  gone := array(
    select g.id::text
    from unnest(p_gone::{type}[]) as g (id)
    where (p_after is null or g.id > p_after::{type}) and (not has_more or g.id <= last::{type})
  );
end
$body$;
revoke all on function syncwell_tables.{pull_page}(uuid, uuid, text, text[], text[], integer) from public;
grant execute on function syncwell_tables.{pull_page}(uuid, uuid, text, text[], text[], integer) to syncwell_client;

-- which records, but those known to have changed, have a value in columns that are new to the device
create or replace function syncwell_tables.{pull_columns}(
  p_scope uuid,
  p_org uuid,
  p_columns text[],
  p_but text[],
  p_after text,
  p_limit integer
)
returns text[]
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $body$
begin
  return (
    select array_agg(r.id)
    from (
      select v.id
      from syncwell_tables.{view} as v
      where {mine}
        and v.id <> all (p_but)
        and (p_after is null or v.id > p_after collate "C")
        and ({changed})
      order by v.id collate "C"
      limit p_limit
    ) as r
  );
end
$body$;
revoke all on function syncwell_tables.{pull_columns}(uuid, uuid, text[], text[], text, integer) from public;
grant execute on function syncwell_tables.{pull_columns}(uuid, uuid, text[], text[], text, integer) to syncwell_client;
    $template$;
  for v_name in
    select n.name from unnest(array['pull', 'pull_hidden', 'pull_all', 'pull_page', 'pull_columns']) as n (name)
  loop
    v_text := replace(v_text, '{' || v_name || '}', quote_ident(v_table.table_name || '_' || v_name));
  end loop;
  v_text := replace(v_text, '{view}', quote_ident(v_table.table_name));
  v_text := replace(v_text, '{type}', v_type);
  v_text := replace(v_text, '{columns}', coalesce(v_columns, ''));
  -- the scope helps to find a record only where the key begins with it
  v_text := replace(
    v_text, '{mine_inside}', case when v_table.key_columns[1] <> v_table.id_column then ' and ' || v_mine else '' end
  );
  v_text := replace(v_text, '{changed}', coalesce(v_changed, 'false'));
  return replace(v_text, '{mine}', v_mine);
end
$$;
comment on function syncwell._pull_sql(integer) is
'The text of the functions that read a synced table for sync_pull(), with the rights of their caller: by ids, which '
'ids are hidden, everything, page by page, and what has a value in new columns.';
revoke all on function syncwell._pull_sql(integer) from public;
