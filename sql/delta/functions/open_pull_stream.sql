create or replace function syncwell.open_pull_stream(
  p_last_pulled_at bigint default null,
  p_schema_version integer default null,
  p_migration jsonb default null,
  p_tables text[] default null,
  p_device_id text default null,
  p_created_as_updated boolean default false,
  p_client jsonb default null
)
-- position is a keyword
returns table ("position" integer, kind text, body text) -- noqa: RF06
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_started_at constant timestamptz := syncwell._now();
  v_as_updated constant boolean := coalesce(p_created_as_updated, false);
  v_plan record;
  v_part syncwell.pull_part;
  v_ids text[];
  v_columns text;
  v_mine text;
  v_list text;
  v_count bigint;
  v_cursor bigint;
  v_created bigint := 0;
  v_updated bigint := 0;
  v_deleted bigint := 0;
  v_hidden bigint := 0;
  v_records jsonb := '{}'::jsonb;
  v_replacing jsonb := '{}'::jsonb;
  v_replaced text[] := '{}'::text[];
  v_stats jsonb := '{}'::jsonb;
  v_kinds text[] := '{}'::text[];
  v_bodies text[] := '{}'::text[];
  v_text text := '';
  c_chunk constant integer := 10000;
begin
  if current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then
    raise exception using
      errcode = '25001',
      message = 'a pull is streamed in a transaction with one snapshot',
      detail = format('The isolation level is %s.', current_setting('transaction_isolation')),
      hint = 'Begin it with isolation level repeatable read.';
  end if;
  perform syncwell._check_pull(p_schema_version, p_tables, p_device_id, null);
  v_plan := syncwell._pull_plan(p_last_pulled_at, p_migration, p_tables, p_device_id, v_as_updated, null);
  if v_plan.kind = 'again' then
    perform syncwell._begin_pull();
    v_plan := syncwell._pull_plan(p_last_pulled_at, p_migration, p_tables, p_device_id, v_as_updated, null);
    if v_plan.kind = 'again' then
      raise exception using
        errcode = '40001',
        message = 'the database has just been moved to another cluster',
        detail = 'The snapshot of this transaction is older than that.',
        hint = 'Begin the transaction again.';
    end if;
  end if;
  if v_plan.page is not null then
    raise exception using
      errcode = '22023',
      message = 'p_last_pulled_at is the cursor of a page',
      detail = 'The rest of a paged pull can''t be streamed.',
      hint = 'Go on with sync_pull(), or start again with the cursor of the last complete pull.';
  end if;

  v_text := '{"changes":{';
  foreach v_part in array coalesce(v_plan.parts, '{}') loop
    select string_agg(format(', %I', c.column_name), '' order by c.position) into v_columns
    from syncwell.synced_columns as c
    where c.table_id = v_part.table_id;
    select
      format(
        'from (select id%s from syncwell_tables.%I where _owner = %L', v_columns, t.table_name, v_part.scope
      ) || case when t.org_column is not null then format(' and _org = %L', v_plan.org_id) else '' end
    into v_mine
    from syncwell.synced_tables as t
    where t.table_id = v_part.table_id;

    if v_part.how = 'delta' then
      if v_part.columns is not null then
        execute format('select syncwell_tables.%I($1, $2, $3, $4, null, null)', v_part.table_name || '_pull_columns')
        into v_ids
        using v_part.scope, v_plan.org_id, v_part.columns, v_part.known;
        v_part.updated := v_part.updated || v_ids;
      end if;
      if v_part.created is not null or v_part.updated is not null then
        execute format('select syncwell_tables.%I($1, $2, $3)', v_part.table_name || '_pull_hidden')
        into v_ids
        using v_part.scope, v_plan.org_id, v_part.created || v_part.updated;
        if v_ids is not null then
          v_part.created := array(select i.id from unnest(v_part.created) as i (id) where i.id <> all (v_ids));
          v_part.updated := array(select i.id from unnest(v_part.updated) as i (id) where i.id <> all (v_ids));
          v_ids := syncwell._hidden_records(v_part, v_ids);
          v_hidden := v_hidden + coalesce(cardinality(v_ids), 0);
          v_part.deleted := v_part.deleted || v_ids;
        end if;
      end if;
      if coalesce(cardinality(v_part.created || v_part.updated || v_part.deleted), 0) = 0 then
        continue;
      end if;
      v_records := v_records || jsonb_build_object(
        v_part.table_id, coalesce(cardinality(v_part.created), 0) - coalesce(cardinality(v_part.deleted), 0)
      );
    else
      execute 'select count(*) ' || v_mine || ') as r' into v_count;
      if v_part.how = 'updated' or v_as_updated then
        v_updated := v_updated + v_count;
      else
        v_created := v_created + v_count;
      end if;
      if v_plan.kind = 'delta' then
        v_replacing := v_replacing || jsonb_build_object(v_part.table_id, v_count);
      else
        v_records := v_records || jsonb_build_object(v_part.table_id, v_count);
      end if;
      if v_plan.kind = 'delta' and v_part.how <> 'new' then
        v_replaced := v_replaced || v_part.table_name;
      end if;
    end if;
    v_text := v_text || case when v_stats <> '{}' then ',' else '' end || to_json(v_part.table_name) || ':{';
    v_stats := v_stats || jsonb_build_object(
      v_part.table_name,
      case
        when v_part.how = 'delta' then jsonb_build_object(
          'created', coalesce(cardinality(v_part.created), 0), 'updated', coalesce(cardinality(v_part.updated), 0),
          'deleted', coalesce(cardinality(v_part.deleted), 0)
        )
        when v_part.how = 'updated' or v_as_updated then
          jsonb_build_object('created', 0, 'updated', v_count, 'deleted', 0)
        else jsonb_build_object('created', v_count, 'updated', 0, 'deleted', 0)
      end
    );

    foreach v_list in array array['created', 'updated', 'deleted'] loop
      v_text := v_text || to_json(v_list) || ':[';
      if v_part.how <> 'delta' then
        if v_count > 0
          and v_list = (case when v_part.how = 'updated' or v_as_updated then 'updated' else 'created' end)
        then
          v_kinds := v_kinds || array['text', 'query'];
          v_bodies := v_bodies || array[
            v_text,
            'select case when row_number() over () > 1 then '','' else '''' end || row_to_json(r)::text '
            || v_mine || ') as r'
          ];
          v_text := '';
        end if;
      else
        v_ids := coalesce(
          case v_list
            when 'created' then v_part.created
            when 'updated' then v_part.updated
            else v_part.deleted
          end,
          '{}'
        );
        for v_from in 1..cardinality(v_ids) by c_chunk loop
          if v_list = 'deleted' then
            v_text := v_text || case when v_from > 1 then ',' else '' end || (
              select string_agg(to_json(i.id)::text, ',') from unnest(v_ids[v_from:v_from + c_chunk - 1]) as i (id)
            );
            v_kinds := v_kinds || 'text'::text;
            v_bodies := v_bodies || v_text;
          else
            v_kinds := v_kinds || array['text', 'query'];
            v_bodies := v_bodies || array[
              v_text,
              case
                when v_from = 1
                  then 'select case when row_number() over () > 1 then '','' else '''' end || row_to_json(r)::text '
                else 'select '','' || row_to_json(r)::text '
              end || v_mine || format(' and _key = any (%L)) as r', v_ids[v_from:v_from + c_chunk - 1])
            ];
          end if;
          v_text := '';
        end loop;
        case v_list
          when 'created' then v_created := v_created + cardinality(v_ids);
          when 'updated' then v_updated := v_updated + cardinality(v_ids);
          else v_deleted := v_deleted + cardinality(v_ids);
        end case;
      end if;
      v_text := v_text || case when v_list = 'deleted' then ']}' else '],' end;
    end loop;
  end loop;

  if v_plan.kind <> 'idle' or v_plan.refresh then
    v_cursor := syncwell._end_pull(
      v_plan.base, null, p_device_id, v_plan.kind, v_plan.snapshot, v_plan.covers, p_schema_version,
      jsonb_build_object(
        'created', v_created, 'updated', v_updated, 'deleted', v_deleted, 'records', v_records, 'replaced', v_replacing,
        'hidden', v_hidden
      ),
      v_started_at, p_client, null, null, jsonb_build_object('stream', v_plan.kind)
    );
  else
    v_cursor := p_last_pulled_at;
  end if;
  v_text := v_text || '},' || ltrim(
    (
      select json_object_agg(a.key, a.value)::text
      from (
        values
        ('timestamp', to_json(v_cursor)),
        (
          'experimentalStrategy',
          case
            when v_plan.kind = 'replacement' then to_json('replacement'::text)
            when v_replaced <> '{}' then (
              select json_build_object('default', 'incremental', 'override', json_object_agg(r.name, 'replacement'))
              from unnest(v_replaced) as r (name)
            )
          end
        ),
        ('stats', v_stats::text::json),
        ('message', to_json(syncwell._pull_message(v_created + v_updated + v_deleted))),
        ('serverTime', to_json(to_char(v_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))),
        ('hasMore', to_json(false)),
        ('ignored', to_json(v_plan.ignored))
      ) as a (key, value)
      where a.value is not null
    ), '{'
  );
  return query
  select b.place::integer, b.kind, b.body
  from unnest(v_kinds || 'text'::text, v_bodies || v_text) with ordinality as b (kind, body, place)
  order by b.place;
end
$$;
comment on function syncwell.open_pull_stream(bigint, integer, jsonb, text[], text, boolean, jsonb) is
'The same pull as sync_pull() with these parameters, in pieces, for answers of any size; nothing of the records is '
'held in memory. In a transaction of isolation level repeatable read: take the rows by position; a body of kind text '
'is a piece of the answer, one of kind query is a SELECT with one text column whose rows, one after the other, are '
'the next piece (line ends between them do no harm). Run each in the same transaction through a server-side cursor or '
'as COPY (<body>) TO STDOUT (FORMAT csv, QUOTE e''\x01'', DELIMITER e''\x02''), which gives the rows as they are. '
'Then call close_pull_stream() and commit: before that the device must not apply the answer. p_last_pulled_at, '
'p_schema_version, p_migration, p_tables, p_device_id, p_created_as_updated, p_client: as in sync_pull(); setting '
'delta.max_bytes does not count. Errors: 25001 in another isolation level, 22023 for the cursor of a page too, and '
'those of sync_pull(): SW001, 42501, SW301, SW305, SW306, SW307, SW308, 22001, 22023, 25006, 40001.';
revoke all on function syncwell.open_pull_stream(bigint, integer, jsonb, text[], text, boolean, jsonb) from public;
grant execute on function syncwell.open_pull_stream(bigint, integer, jsonb, text[], text, boolean, jsonb)
to syncwell_client;
