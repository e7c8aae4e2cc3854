create or replace function syncwell._tracking_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_scope text;
  v_member text := '';
  v_id text;
  v_order text;
  v_columns name[];
  v_carried text;
  v_differs text;
  v_refusal text;
  -- A birth ends an earlier death. Died and born in one transaction is a change to everybody else; a row that lived
  -- already was changed by a trigger of its own before its birth was noted, or its death was never noted.
  c_born constant text := $sql$on conflict (scope, table_id, record_id) do update
  set
    xid = excluded.xid,
    created_xid = case
      when c.deleted_at is not null and c.xid <> excluded.xid then excluded.xid
      when c.deleted_at is null and c.created_xid is null and c.xid = excluded.xid then excluded.xid
      else c.created_xid
    end,
    earlier_lives = case
      when c.deleted_at is not null and c.xid <> excluded.xid
        then (c.earlier_lives || array[c.created_xid, c.xid])[greatest(cardinality(c.earlier_lives) - 17, 1):]
      else c.earlier_lives
    end,
    deleted_at = null;$sql$;
  -- a change revives only what another transaction deleted: where this one did, a trigger of the table's own has just
  -- deleted the row that the statement changed
  c_changed constant text := $sql$on conflict (scope, table_id, record_id) do update
  set
    xid = excluded.xid,
    created_xid = case when c.deleted_at is not null and c.xid <> excluded.xid then excluded.xid else c.created_xid end,
    earlier_lives = case
      when c.deleted_at is not null and c.xid <> excluded.xid
        then (c.earlier_lives || array[c.created_xid, c.xid])[greatest(cardinality(c.earlier_lives) - 17, 1):]
      else c.earlier_lives
    end,
    deleted_at = case when c.xid = excluded.xid then c.deleted_at end;$sql$;
  c_died constant text := $sql$on conflict (scope, table_id, record_id) do update
  set xid = excluded.xid, deleted_at = excluded.deleted_at;$sql$;
  -- of all three kinds at once: deleted_at tells a death, created_xid a birth, neither a change
  c_any constant text := $sql$on conflict (scope, table_id, record_id) do update
  set
    xid = excluded.xid,
    created_xid = case
      when excluded.deleted_at is not null then c.created_xid
      when c.deleted_at is not null and c.xid <> excluded.xid then excluded.xid
      when c.deleted_at is null and c.created_xid is null and c.xid = excluded.xid then excluded.created_xid
      else c.created_xid
    end,
    earlier_lives = case
      when c.deleted_at is not null and excluded.deleted_at is null and c.xid <> excluded.xid
        then (c.earlier_lives || array[c.created_xid, c.xid])[greatest(cardinality(c.earlier_lives) - 17, 1):]
      else c.earlier_lives
    end,
    deleted_at = case
      when excluded.deleted_at is not null then excluded.deleted_at
      when c.xid = excluded.xid and excluded.created_xid is null then c.deleted_at
    end;$sql$;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;

  v_scope := syncwell._scope_value('r', v_table.relation, v_table.scope_column);
  if v_table.org_column is not null then
    v_member := format(
      E'\n  inner join syncwell.users as u on u.org_id = %s and u.user_id = %s',
      syncwell._scope_value('r', v_table.relation, v_table.org_column), v_scope
    );
  end if;
  select
    format(case when t.is_text then 'r.%I' else 'r.%I::text' end, v_table.id_column),
    format(case when t.is_text then 'r.%I collate "C"' else 'r.%I' end, v_table.id_column)
  into v_id, v_order
  from (
    select syncwell._base_type(a.atttypid) = any (array['text', 'varchar']::regtype[]) as is_text
    from pg_attribute as a
    where a.attrelid = v_table.relation and a.attname = v_table.id_column
  ) as t;

  -- a virtual column is not in the transition tables: what it is made of is
  select coalesce(array_agg(a.attname order by a.attnum), '{}') into v_columns
  from pg_attribute as a
  where a.attrelid = v_table.relation
    and a.attnum > 0
    and not a.attisdropped
    and a.attgenerated <> 'v'
    and (
      exists (
        select from syncwell.synced_columns as c where c.table_id = p_table_id and c.column_name = a.attname
      )
      or exists (
        select
        from syncwell.synced_columns as c
        inner join pg_attribute as v on v.attrelid = v_table.relation and v.attname = c.column_name
        where c.table_id = p_table_id and v.attgenerated = 'v'
      )
    );
  v_carried := coalesce(
    (
      select string_agg(format(E',\n        r.%I as c%s', x.name, x.position), '' order by x.position)
      from unnest(v_columns) with ordinality as x (name, position)
    ),
    ''
  );
  v_differs := syncwell._differs_sql(v_table.relation, v_columns);

  -- Everybody who may make triggers could put these functions on a table of their own, and an owner can exchange a
  -- column: casts of types that they made would then run with the rights of this function. The view pins the types.
  v_refusal := format(
    $sql$if current_setting('syncwell.pulled', true) <> '' then
    perform syncwell._refuse_mixed();
  end if;
  if not exists (
    select from syncwell.synced_tables as t
    where t.table_id = %1$s and (t.relation = tg_relid or t.relation = pg_partition_root(tg_relid))
  ) then
    return null;
  end if;
  if to_regclass(%2$L) is null then
    -- a column that is synced was dropped: what changes is not known until the table is registered again
    perform syncwell._reset_table(%1$s);
    return null;
  end if;$sql$,
    p_table_id, format('syncwell_tables.%I', v_table.table_name)
  );

  return format(
    $sql$create or replace function syncwell_tables.%1$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  -- new ids are the rule: many of them go in without a look for each, in the order of the index
  if exists (select from new_rows offset 64) then
    begin
      insert into syncwell.record_changes (scope, table_id, record_id, xid, created_xid)
      select %3$s, %4$s, %5$s, pg_current_xact_id(), pg_current_xact_id()
      from new_rows as r%6$s
      where %3$s is not null
      order by 1, %7$s;
      return null;
    exception
      when unique_violation then null;
    end;
  end if;
  -- a few need no order: nobody else who writes to the table has these ids in hand
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, created_xid)
  select %3$s, %4$s, %5$s, pg_current_xact_id(), pg_current_xact_id()
  from new_rows as r%6$s
  where %3$s is not null
  %8$s
  return null;
end
$body$;
$sql$,
    v_table.table_name || '_inserted', v_refusal, v_scope, p_table_id, v_id, v_member, v_order, c_born
  ) || format(
    $sql$create or replace function syncwell_tables.%1$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  -- one row that stays where it is, as most statements write: the condition without a join keeps the loop to one turn
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid)
  select n.scope, %4$s, n.record_id, pg_current_xact_id()
  from (
    select
      %3$s as scope,
      %7$s as id%8$s
    from old_rows as r%6$s
  ) as o
  cross join (
    select
      %3$s as scope,
      %7$s as id,
      %5$s as record_id%8$s
    from new_rows as r%6$s
  ) as n
  where not exists (select from new_rows offset 1) and n.id = o.id and n.scope = o.scope and (%9$s)
  %11$s
  if found then
    return null;
  end if;
  -- a full join can not be done by a loop, whatever the plan was made for; a key may be there twice where two foreign
  -- keys act on one row
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, created_xid, deleted_at)
  select distinct on (s.scope, s.id)
    s.scope,
    %4$s,
    s.record_id,
    pg_current_xact_id(),
    case when s.is_born then pg_current_xact_id() end,
    case when s.is_dead then syncwell._now() end
  from (
    select
      coalesce(n.scope, o.scope) as scope,
      coalesce(n.id, o.id) as id,
      coalesce(n.record_id, o.record_id) as record_id,
      o.id is null as is_born,
      n.id is null as is_dead
    from (
      select
        %3$s as scope,
        %7$s as id,
        %5$s as record_id%8$s
      from old_rows as r%6$s
    ) as o
    full join (
      select
        %3$s as scope,
        %7$s as id,
        %5$s as record_id%8$s
      from new_rows as r%6$s
    ) as n on n.id = o.id and n.scope = o.scope
    where o.id is null or n.id is null or %9$s
  ) as s
  where s.scope is not null
  order by s.scope, s.id
  %10$s
  return null;
end
$body$;
$sql$,
    v_table.table_name || '_updated', v_refusal, v_scope, p_table_id, v_id, v_member, v_order, v_carried, v_differs,
    c_any, c_changed
  ) || format(
    $sql$create or replace function syncwell_tables.%1$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, deleted_at)
  select distinct on (%3$s, %7$s) %3$s, %4$s, %5$s, pg_current_xact_id(), (select syncwell._now())
  from old_rows as r%6$s
  where %3$s is not null
  order by %3$s, %7$s
  %8$s
  return null;
end
$body$;
create or replace function syncwell_tables.%9$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  perform syncwell._reset_table(%4$s);
  return null;
end
$body$;
$sql$,
    v_table.table_name || '_deleted', v_refusal, v_scope, p_table_id, v_id, v_member, v_order, c_died,
    v_table.table_name || '_truncated'
  ) || format(
    $sql$create or replace function syncwell_tables.%1$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, created_xid, deleted_at)
  select
    coalesce(n.scope, o.scope),
    %4$s,
    coalesce(n.record_id, o.record_id),
    pg_current_xact_id(),
    case when o.id is null then pg_current_xact_id() end,
    case when n.id is null then syncwell._now() end
  from (
    select
      %3$s as scope,
      %7$s as id,
      %5$s as record_id%8$s
    from (select old.* where tg_op <> 'INSERT') as r%6$s
  ) as o
  full join (
    select
      %3$s as scope,
      %7$s as id,
      %5$s as record_id%8$s
    from (select new.* where tg_op <> 'DELETE') as r%6$s
  ) as n on n.id = o.id and n.scope = o.scope
  where (o.id is null or n.id is null or %9$s) and coalesce(n.scope, o.scope) is not null
  %10$s
  return null;
end
$body$;
$sql$,
    v_table.table_name || '_replicated', v_refusal, v_scope, p_table_id, v_id, v_member, v_order, v_carried, v_differs,
    c_any
  ) || (
    select string_agg(
      format(
        E'revoke all on function syncwell_tables.%1$I() from public;\n'
        -- CREATE TRIGGER asks for it
        'grant execute on function syncwell_tables.%1$I() to syncwell_operator;\n',
        v_table.table_name || f.suffix
      ),
      ''
    )
    from unnest(array['_inserted', '_updated', '_deleted', '_truncated', '_replicated']) as f (suffix)
  );
end
$$;
comment on function syncwell._tracking_sql(integer) is
'The text that makes the trigger functions of a synced table: static SQL, one statement for all rows that a statement '
'of the application wrote.';
revoke all on function syncwell._tracking_sql(integer) from public;
