create or replace function syncwell._read_pull(
  p_cursor bigint,
  p_migration jsonb,
  p_tables text[],
  p_device_id text,
  p_as_updated boolean,
  p_limit integer,
  out kind text,
  out base bigint,
  out page bigint,
  out snapshot pg_snapshot,
  out covers integer[],
  out ignored text[],
  out refresh boolean,
  out due boolean,
  out changes json,
  out stats json,
  out strategy json,
  out counts jsonb,
  out items bigint,
  out page_table integer,
  out page_record text,
  out page_number integer,
  out plan jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_plan record := syncwell._pull_plan(p_cursor, p_migration, p_tables, p_device_id, p_as_updated, p_limit);
  v_part syncwell.pull_part;
  v_read_created json;
  v_read_updated json;
  v_read_creates bigint;
  v_read_updates bigint;
  v_ids text[];
  v_names text[] := '{}'::text[];
  v_changes json[] := '{}'::json[];
  v_stats json[] := '{}'::json[];
  v_created json;
  v_updated json;
  v_creates bigint;
  v_updates bigint;
  v_deletes bigint;
  v_bytes bigint := 0;
  v_hidden bigint := 0;
  v_records jsonb := '{}'::jsonb;
  v_replacing jsonb := '{}'::jsonb;
  v_absent jsonb := '{}'::jsonb;
  v_all_creates bigint := 0;
  v_all_updates bigint := 0;
  v_all_deletes bigint := 0;
  v_left integer := coalesce(p_limit, case when v_plan.page is not null then 100000 end);
  v_last text;
  v_more boolean := false;
  c_none constant json := '[]'::json;
begin
  kind := v_plan.kind;
  base := v_plan.base;
  page := v_plan.page;
  snapshot := v_plan.snapshot;
  covers := v_plan.covers;
  ignored := v_plan.ignored;
  refresh := v_plan.refresh;
  due := v_plan.due;
  if kind in ('again', 'idle') then
    return;
  end if;

  foreach v_part in array coalesce(v_plan.parts, '{}') loop
    if v_left = 0 then
      v_more := true;
      exit;
    end if;
    v_created := c_none;
    v_updated := c_none;
    v_creates := 0;
    v_updates := 0;

    if v_part.how = 'delta' then
      if v_part.columns is not null then
        execute format('select syncwell_tables.%I($1, $2, $3, $4, $5, $6)', v_part.table_name || '_pull_columns')
        into v_ids
        using v_part.scope, v_plan.org_id, v_part.columns, v_part.known, v_part.after, v_left + 1;
        v_part.updated := v_part.updated || v_ids;
      end if;
      if v_left is not null then
        select array_agg(i.id order by i.id) into v_ids
        from (
          select e.id collate "C" as id
          from unnest(v_part.created || v_part.updated || v_part.deleted) as e (id)
          order by 1
          limit v_left + 1
        ) as i;
        if cardinality(v_ids) > v_left then
          v_more := true;
          v_last := v_ids[v_left];
          v_part.created := array(select i.id from unnest(v_part.created) as i (id) where i.id collate "C" <= v_last);
          v_part.updated := array(select i.id from unnest(v_part.updated) as i (id) where i.id collate "C" <= v_last);
          v_part.deleted := array(select i.id from unnest(v_part.deleted) as i (id) where i.id collate "C" <= v_last);
        else
          v_last := v_ids[cardinality(v_ids)];
        end if;
        v_part.gone := array(
          select i.id
          from unnest(v_part.gone) as i (id)
          where (v_part.after is null or i.id collate "C" > v_part.after) and (not v_more or i.id collate "C" <= v_last)
        );
        v_left := v_left - least(v_left, coalesce(cardinality(v_ids), 0));
      end if;

      if v_part.created is not null or v_part.updated is not null then
        -- no record is shorter than {"id":"1"}
        perform syncwell._check_pull_size(
          v_bytes + 10 * (coalesce(cardinality(v_part.created), 0) + coalesce(cardinality(v_part.updated), 0)),
          v_plan.max_bytes
        );
        execute format('select * from syncwell_tables.%I($1, $2, $3, $4)', v_part.table_name || '_pull')
        into v_read_created, v_read_updated, v_read_creates, v_read_updates
        using v_part.scope, v_plan.org_id, v_part.created, v_part.updated;
        v_created := coalesce(v_read_created, c_none);
        v_updated := coalesce(v_read_updated, c_none);
        v_creates := coalesce(v_read_creates, 0);
        v_updates := coalesce(v_read_updates, 0);
        if v_creates + v_updates < coalesce(cardinality(v_part.created || v_part.updated), 0) then
          execute format('select syncwell_tables.%I($1, $2, $3)', v_part.table_name || '_pull_hidden')
          into v_ids
          using v_part.scope, v_plan.org_id, v_part.created || v_part.updated;
          v_ids := syncwell._hidden_records(v_part, v_ids);
          v_hidden := v_hidden + cardinality(v_ids);
          v_part.deleted := v_part.deleted || v_ids;
        end if;
      end if;
      v_deletes := coalesce(cardinality(v_part.deleted), 0);
      if v_part.gone <> '{}' then
        v_absent := v_absent || jsonb_build_object(v_part.table_id, v_part.gone);
      end if;
      if v_creates + v_updates + v_deletes = 0 then
        continue;
      end if;
      v_records := v_records || jsonb_build_object(v_part.table_id, v_creates - v_deletes);

    else
      if v_left is null then
        execute format('select * from syncwell_tables.%I($1, $2, $3)', v_part.table_name || '_pull_all')
        into v_read_created, v_read_creates
        using v_part.scope, v_plan.org_id, v_plan.max_bytes - v_bytes;
        if v_read_created is null and v_read_creates > 0 then
          perform syncwell._check_pull_size(v_plan.max_bytes + 1, v_plan.max_bytes);
        end if;
      else
        execute format('select * from syncwell_tables.%I($1, $2, $3, $4, $5, $6)', v_part.table_name || '_pull_page')
        into v_read_created, v_read_creates, v_last, v_more, v_part.gone
        using v_part.scope, v_plan.org_id, v_part.after, v_part.known, v_part.gone, v_left;
        v_left := v_left - v_read_creates;
      end if;
      if v_part.how = 'updated' or p_as_updated then
        v_updated := coalesce(v_read_created, c_none);
        v_updates := v_read_creates;
      else
        v_created := coalesce(v_read_created, c_none);
        v_creates := v_read_creates;
      end if;
      v_deletes := 0;
      if v_part.gone <> '{}' then
        v_absent := v_absent || jsonb_build_object(v_part.table_id, v_part.gone);
      end if;
      if kind = 'delta' then
        v_replacing := v_replacing || jsonb_build_object(v_part.table_id, v_creates + v_updates);
      else
        v_records := v_records || jsonb_build_object(v_part.table_id, v_creates + v_updates);
      end if;
    end if;

    if v_left = 0 then
      page_table := v_part.table_id;
      page_record := v_last;
    end if;
    v_names := v_names || v_part.table_name;
    v_changes := v_changes || json_build_object(
      'created', v_created, 'updated', v_updated, 'deleted', to_json(coalesce(v_part.deleted, '{}'))
    );
    v_stats := v_stats || json_build_object('created', v_creates, 'updated', v_updates, 'deleted', v_deletes);
    v_all_creates := v_all_creates + v_creates;
    v_all_updates := v_all_updates + v_updates;
    v_all_deletes := v_all_deletes + v_deletes;
    v_bytes := v_bytes + pg_column_size(v_changes[cardinality(v_changes)]);
    perform syncwell._check_pull_size(v_bytes, v_plan.max_bytes);
    exit when v_more;
  end loop;

  items := v_all_creates + v_all_updates + v_all_deletes;
  select coalesce(json_object_agg(c.name, c.change), '{}'), coalesce(json_object_agg(c.name, c.stat), '{}')
  into changes, stats
  from unnest(v_names, v_changes, v_stats) as c (name, change, stat);
  counts := jsonb_build_object(
    'created', v_all_creates, 'updated', v_all_updates, 'deleted', v_all_deletes, 'bytes', v_bytes,
    'records', v_records, 'replaced', v_replacing, 'hidden', v_hidden, 'absent', v_absent
  );

  plan := v_plan.plan;
  page_number := case when page is not null then (plan -> 'page')::integer when p_limit is not null then 1 end;
  if page is not null then
    -- with what the pages before this one have sent
    strategy := nullif(plan -> 'strategy', 'null')::text::json;
    counts := syncwell._added_counts(plan -> 'counts', counts);
  elsif kind = 'replacement' then
    strategy := to_json('replacement'::text);
  elsif kind = 'delta' then
    select json_build_object('default', 'incremental', 'override', json_object_agg(p.table_name, 'replacement'))
    into strategy
    from unnest(v_plan.parts) as p
    where p.how in ('created', 'updated')
    having count(*) > 0;
  end if;
  if not v_more then
    page_table := null;
    page_record := null;
    plan := null;
    return;
  end if;
  if page is null then
    select plan || jsonb_build_object(
      'page', 1,
      'strategy', strategy::text::jsonb,
      'parts', jsonb_agg(
        jsonb_strip_nulls(jsonb_build_object('id', p.table_id, 'how', p.how, 'columns', p.columns)) order by p.place
      )
    )
    into plan
    from unnest(v_plan.parts) with ordinality as p (
      table_id, table_name, scope, how, revokes, columns, created, updated, deleted, after, known, place
    );
  end if;
  select plan || jsonb_build_object('page', (plan -> 'page')::integer + 1, 'place', p.place, 'counts', counts)
  into plan
  from jsonb_array_elements(plan -> 'parts') with ordinality as p (part, place)
  where (p.part -> 'id')::integer = page_table;
end
$$;
comment on function syncwell._read_pull(bigint, jsonb, text[], text, boolean, integer) is
'The reading part of sync_pull(): everything with one snapshot, that of the calling statement, and with the caller''s '
'rights. Errors: those of sync_pull().';
revoke all on function syncwell._read_pull(bigint, jsonb, text[], text, boolean, integer) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._read_pull(bigint, jsonb, text[], text, boolean, integer) to syncwell_client;
