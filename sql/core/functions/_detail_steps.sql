create or replace function syncwell._detail_steps()
returns table (
  step integer,
  table_name text,
  statement text,
  by_stream boolean,
  in_batches boolean
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with details as (
    select
      n.table_name,
      d.user_column,
      d.on_revoke = 'delete' as deletes,
      string_agg(
        case
          when d.on_revoke = 'delete' then format('t.%1$I <> %2$L', d.column_name, '')
          when d.document_keys is not null then format('t.%1$I ?| %2$L', d.column_name, d.document_keys)
          else format('t.%1$I is not null', d.column_name)
        end,
        ' or ' order by d.column_name
      ) as condition,
      string_agg(
        case
          when d.document_keys is not null then format('%1$I = t.%1$I - %2$L::text[]', d.column_name, d.document_keys)
          else format('%1$I = null', d.column_name)
        end,
        ', ' order by d.column_name
      ) as changes,
      bool_and(c.has_stream) as has_stream,
      bool_and(c.has_id) as has_id
    from syncwell.personal_details as d
    cross join lateral (
      select d.table_name
      union all
      select t from syncwell._detached_partitions(d.table_name) as t
    ) as n
    cross join lateral (
      select
        coalesce(bool_or(a.attname = 'stream_id' and a.attnotnull), false) as has_stream,
        coalesce(bool_or(a.attname = 'id'), false) as has_id
      from pg_attribute as a
      where a.attrelid = to_regclass('syncwell.' || quote_ident(n.table_name)) and not a.attisdropped
    ) as c
    where d.on_revoke <> 'keep'
    group by n.table_name, d.user_column, d.on_revoke = 'delete'
  )
  select
    row_number() over (order by d.table_name, d.deletes desc)::integer as step,
    d.table_name,
    -- $1 org, $2 user, $3 stream, $4 the last id of the batch before, $5 how many rows
    format(
      case
        when d.has_id then
          -- by the place of the row: not every table has an index that its id is found by
          'with found as materialized (select t.id, t.tableoid as part, t.ctid as place from syncwell.%1$I as t'
          ' where t.org_id = $1 and t.%2$I = $2 and %3$s and ($4 is null or t.id > $4) and (%4$s)'
          ' order by t.id limit $5 for update), changed as (%5$s where t.ctid = any(array(select f.place from found as f))'
          ' and (t.tableoid, t.ctid) in (select f.part, f.place from found as f) returning t.id)'
          ' select count(*), (array_agg(c.id order by c.id desc))[1] from changed as c'
        else
          'with changed as (%5$s where t.org_id = $1 and t.%2$I = $2 and %3$s and (%4$s)'
          ' returning 1) select count(*), null::uuid from changed'
      end,
      d.table_name,
      d.user_column,
      case when d.has_stream then 't.stream_id = $3' else 'true' end,
      d.condition,
      case
        when d.deletes then format('delete from syncwell.%I as t', d.table_name)
        else format('update syncwell.%I as t set %s', d.table_name, d.changes)
      end
    ) as statement,
    d.has_stream as by_stream,
    d.has_id as in_batches
  from details as d;
end
$$;
comment on function syncwell._detail_steps() is
'What erasing a user''s details takes, from registry personal_details: a statement for each table, which tells how '
'many rows it changed and the last id among them. by_stream: it takes one stream of the user at a time, whose rows '
'an index has in order; in_batches: it goes on after the last id.';
revoke all on function syncwell._detail_steps() from public;
