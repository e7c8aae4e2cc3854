create or replace function syncwell._push_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_id_type text;
  v_id_is_generated boolean;
  v_scope_type text;
  v_org_type text;
  v_column record;
  v_names text := 'id, _changed';
  v_fields text := 'id text, _changed text';
  v_columns text := '';
  v_values text := '';
  v_compared text := '';
  v_set text := '';
  v_any text := 'false';
  v_carried text := '';
  v_needs_raw boolean := false;
  v_own text;
  v_own_view text;
  v_body text;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  v_id_type := syncwell._push_type(v_table.relation, v_table.id_column);
  v_scope_type := syncwell._push_type(v_table.relation, v_table.scope_column);
  if v_table.org_column is not null then
    v_org_type := syncwell._push_type(v_table.relation, v_table.org_column);
  end if;
  select a.attidentity = 'a' into v_id_is_generated
  from pg_attribute as a
  where a.attrelid = v_table.relation and a.attname = v_table.id_column;

  -- $1 scope, $2 org: always the caller's identity, never what was pushed
  v_own := format('b.%I = ($1::text)::%s', v_table.scope_column, v_scope_type);
  v_own_view := format('v._owner = ($1::text)::%s', v_scope_type);
  if v_org_type is not null then
    v_own := v_own || format(' and b.%I = ($2::text)::%s', v_table.org_column, v_org_type);
    v_own_view := v_own_view || format(' and v._org = ($2::text)::%s', v_org_type);
  end if;

  for v_column in
    select
      c.column_name as name, c.encoding, c.json_type, c.column_type, a.attnotnull as is_needed,
      pg_get_expr(d.adbin, d.adrelid) as default_value
    from syncwell.synced_columns as c
    inner join pg_attribute as a on a.attrelid = v_table.relation and a.attname = c.column_name and not a.attisdropped
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.table_id = p_table_id and c.writable
    order by c.position
  loop
    v_body := syncwell._push_decoded(format('r.%I', v_column.name), v_column.encoding, v_column.column_type);
    v_names := v_names || format(', %I', v_column.name);
    v_fields := v_fields || format(', %I text', v_column.name);
    v_carried := v_carried || format(', r.%I', v_column.name);
    v_columns := v_columns || format(', %I', v_column.name);
    v_values := v_values || E',\n      ' || case
      when v_column.default_value is null then v_body
      when v_column.is_needed then format('coalesce(%s, %s)', v_body, v_column.default_value)
      else format(
        'case when r.%I is not null then %s when (r._raw -> %L) is null then %s end',
        v_column.name, v_body, v_column.name, v_column.default_value
      )
    end;
    v_needs_raw := v_needs_raw or (v_column.default_value is not null and not v_column.is_needed);
    v_compared := v_compared || format(
      E',\n        case\n          when strpos(k.told, %1$L) = 0 then false\n'
      '          when r.%2$I is null and (r._raw -> %3$L) is null then false\n'
      '          when v.%2$I is null and k.told is null and r.%2$I in (%4$s) then false\n'
      '          else %5$s\n        end as %6$I',
      ',' || v_column.name || ',', v_column.name, v_column.name,
      case v_column.json_type when 'number' then $q$'0', ''$q$ when 'boolean' then $q$'false', ''$q$ else $q$''$q$ end,
      syncwell._push_differs(
        format('r.%I', v_column.name), format('v.%I', v_column.name), v_column.encoding, v_column.column_type
      ),
      '?' || v_column.name
    );
    v_set := v_set || format(
      E',\n      %1$I = case when r.%2$I then %3$s else b.%1$I end', v_column.name, '?' || v_column.name, v_body
    );
    v_any := v_any || format(' or r.%I', '?' || v_column.name);
  end loop;

  -- the rows of these ids that are there, locked in the order of the key
  v_body := format(
    $sql$create or replace function syncwell_tables.%1$I(uuid, uuid, text[])
returns text[]
language plpgsql volatile security invoker
as $body$
declare
  v_ids text[];
begin
  if exists (select from pg_catalog.unnest($3) as i (id) where i.id is distinct from (i.id::%2$s)::text) then
    raise exception using
      errcode = '22023',
      message = 'an id is not as the table writes it',
      detail = 'It would come back as another one.',
      hint = 'Push ids as they were pulled.';
  end if;
  %3$s
  return v_ids;
end
$body$;
$sql$,
    v_table.table_name || '_push_lock', v_id_type,
    syncwell._push_statement(
      format(
        $sql$select coalesce(pg_catalog.array_agg(l.id), '{}') {into}
    from (
      select b.%1$I::text as id
      from %2$s as b
      where %3$s and b.%1$I = any ($3::%4$s[])
      order by b.%1$I
      for no key update
    ) as l$sql$,
        v_table.id_column, v_table.relation, v_own, v_id_type
      ),
      'v_ids', '$1, $2, $3', 'pg_catalog.cardinality($3) > 100'
    )
  );

  -- insert what is not in $4 (what was locked); what another transaction made meanwhile is left, and not returned
  v_body := v_body || format(
    $sql$create or replace function syncwell_tables.%1$I(uuid, uuid, json, text[])
returns text[]
language plpgsql volatile security invoker
as $body$
declare
  v_ids text[];
begin
  %2$s
  return v_ids;
end
$body$;
$sql$,
    v_table.table_name || '_push_insert',
    syncwell._push_statement(
      format(
        $sql$with written as (
      insert into %1$s as b (%2$I, %3$I%4$s%5$s)
      %6$sselect
      r.id::%7$s,
      ($1::text)::%8$s%9$s%10$s
      from %11$s
      where r.id not in (select f.id from pg_catalog.unnest($4) as f (id))
      order by 1
      on conflict (%12$s) do nothing
      returning b.%2$I::text as id
    )
    select coalesce(pg_catalog.array_agg(w.id), '{}') {into} from written as w$sql$,
        v_table.relation, v_table.id_column, v_table.scope_column,
        case when v_org_type is not null then format(', %I', v_table.org_column) else '' end,
        v_columns,
        case when v_id_is_generated then E'overriding system value\n      ' else '' end,
        v_id_type, v_scope_type,
        case when v_org_type is not null then format(E',\n      ($2::text)::%s', v_org_type) else '' end,
        v_values,
        case
          when v_needs_raw then format(
            'rows from (pg_catalog.json_to_recordset($3) as (%s), pg_catalog.json_array_elements($3)) as r (%s, _raw)',
            v_fields, v_names
          )
          else format('pg_catalog.json_to_recordset($3) as r (%s)', v_fields)
        end,
        (select string_agg(format('%I', k.name), ', ') from unnest(v_table.key_columns) as k (name))
      ),
      'v_ids', '$1, $2, $3, $4', 'pg_catalog.octet_length($3::text) > 50000'
    )
  );

  -- update what is there where a value differs from what a device sees; $4: records written whole, whatever they say
  -- has changed
  v_body := v_body || format(
    $sql$create or replace function syncwell_tables.%1$I(uuid, uuid, json, text[])
returns bigint
language plpgsql volatile security invoker
as $body$
declare
  v_rows bigint;
begin
  %2$s
  return v_rows;
end
$body$;
$sql$,
    v_table.table_name || '_push_update',
    syncwell._push_statement(
      format(
        $sql$with r as materialized (
      select
      v._key%1$s%2$s
      from rows from (
        pg_catalog.json_to_recordset($3) as (%3$s), pg_catalog.json_array_elements($3)
      ) as r (%4$s, _raw)
      cross join lateral (
        select case
          when r._changed ~ '^[A-Za-z][A-Za-z0-9_, ]*$'
            and r.id not in (select w.id from pg_catalog.unnest($4) as w (id))
            then ',' || pg_catalog.replace(r._changed, ' ', '') || ','
        end as told
      ) as k
      inner join syncwell_tables.%5$I as v on %6$s and v._key = r.id::%7$s
    ),
    written as (
      update %8$s as b
      set%9$s
      from r
      where %10$s and b.%11$I = r._key and (%12$s)
      returning 1
    )
    select count(*) {into} from written$sql$,
        v_carried, v_compared, v_fields, v_names, v_table.table_name, v_own_view, v_id_type, v_table.relation,
        coalesce(nullif(substr(v_set, 2), ''), format(E'\n      %1$I = b.%1$I', v_table.id_column)),
        v_own, v_table.id_column, v_any
      ),
      'v_rows', '$1, $2, $3, $4', 'pg_catalog.octet_length($3::text) > 50000'
    )
  );

  v_body := v_body || format(
    $sql$create or replace function syncwell_tables.%1$I(uuid, uuid, text[])
returns text[]
language plpgsql volatile security invoker
as $body$
declare
  v_ids text[];
begin
  %2$s
  return v_ids;
end
$body$;
create or replace function syncwell_tables.%3$I(uuid, uuid, text[])
returns table (id text, record json)
language plpgsql stable security invoker
as $body$
begin
  return query
  select v.id, pg_catalog.row_to_json(v)
  from (select %4$s from syncwell_tables.%5$I as v where %6$s and v._key = any ($3::%7$s[])) as v;
end
$body$;
$sql$,
    v_table.table_name || '_push_delete',
    syncwell._push_statement(
      format(
        $sql$with gone as (
      delete from %1$s as b where %2$s and b.%3$I = any ($3::%4$s[]) returning b.%3$I::text as id
    )
    select coalesce(pg_catalog.array_agg(g.id), '{}') {into} from gone as g$sql$,
        v_table.relation, v_own, v_table.id_column, v_id_type
      ),
      'v_ids', '$1, $2, $3', 'pg_catalog.cardinality($3) > 100'
    ),
    v_table.table_name || '_push_read',
    (
      select string_agg(format('v.%I', c.name), ', ' order by c.position)
      from (
        select 'id'::name as name, 0 as position
        union all
        select c.column_name, c.position + 1 from syncwell.synced_columns as c where c.table_id = p_table_id
      ) as c
    ),
    v_table.table_name, v_own_view, v_id_type
  );
  return v_body || (
    select string_agg(
      format(
        E'revoke all on function syncwell_tables.%1$I(%2$s) from public;\n'
        'grant execute on function syncwell_tables.%1$I(%2$s) to syncwell_client, syncwell_worker;\n',
        v_table.table_name || f.suffix, f.arguments
      ),
      ''
    )
    from (
      values
      ('_push_lock', 'uuid, uuid, text[]'), ('_push_insert', 'uuid, uuid, json, text[]'),
      ('_push_update', 'uuid, uuid, json, text[]'), ('_push_delete', 'uuid, uuid, text[]'),
      ('_push_read', 'uuid, uuid, text[]')
    ) as f (suffix, arguments)
  );
end
$$;
comment on function syncwell._push_sql(integer) is
'The text that makes the functions which write pushed records of one table: <table>_push_lock, _insert, _update, '
'_delete and _read, with the caller''s rights, in static SQL; $1 is the scope, $2 the org, both from the identity.';
revoke all on function syncwell._push_sql(integer) from public;
