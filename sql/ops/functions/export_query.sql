create or replace function syncwell.export_query(
  p_what text,
  p_from timestamptz default null,
  p_to timestamptz default null,
  p_source text default null,
  p_user_id uuid default null
)
returns table (
  query text,
  key_columns text[],
  columns text[],
  until timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_set record;
  v_table regclass;
  v_to constant timestamptz := coalesce(p_to, syncwell._now());
begin
  perform syncwell._note_access('export_query', p_user_id);
  perform syncwell._caller();
  select s.* into v_set
  from (
    values
    ('runs', 'sync_events', 'started_at', true, array['id']),
    ('activity', 'sync_activity_log', 'created_at', false, array['created_at', 'id']),
    ('metrics', 'sync_metrics', 'period_start', false, array['stream_id', 'period', 'period_start']),
    ('events', 'data_events', 'occurred_at', false, array['occurred_at', 'id']),
    ('sessions', 'sync_sessions', 'started_at', false, array['started_at', 'session_id']),
    ('records', 'session_records', 'occurred_at', true, array['id'])
  ) as s (what, table_name, time_column, by_uuid7, keys)
  where s.what = p_what;
  if not found then
    raise exception using
      errcode = '22023',
      message = 'nothing of that name is exported',
      detail = format('p_what is %s.', coalesce(quote_literal(left(p_what, 100)), 'NULL')),
      hint = 'runs, activity, metrics, events, sessions or records.';
  end if;
  if p_from >= v_to then
    raise exception using
      errcode = '22023',
      message = 'the range of time is empty',
      detail = format('It begins at %s and ends before %s.', p_from, v_to),
      hint = 'p_from comes before p_to; p_to is not included.';
  end if;
  if p_user_id is not null then
    perform syncwell._check_shown_user(p_user_id);
  end if;

  v_table := format('syncwell.%I', v_set.table_name)::regclass;
  -- what the login may read itself: texts and devices that need consent are not among them
  columns := array(
    select a.attname::text
    from pg_attribute as a
    join pg_type as t on t.oid = a.atttypid
    where
      a.attrelid = v_table
      and a.attnum > 0
      and not a.attisdropped
      and t.typtype in ('b', 'd')
      and has_column_privilege(session_user, v_table, a.attnum, 'select')
    order by a.attnum
  );
  if not columns @> v_set.keys then
    raise exception using
      errcode = '42501',
      message = format('permission denied for %s', p_what),
      detail = format('%I may not read syncwell.%I.', session_user, v_set.table_name),
      hint = 'Export with a login that has role syncwell_reader.';
  end if;
  if p_source is not null and not 'source' = any (columns) then
    raise exception using
      errcode = '22023',
      message = format('%s have no source', p_what),
      detail = 'They can be exported by time and user only.',
      hint = 'Leave p_source out.';
  end if;

  until := v_to;
  key_columns := v_set.keys;
  query := format(
    'select %s from syncwell.%I where %s',
    (select string_agg(quote_ident(c), ', ' order by n) from unnest(columns) with ordinality as u (c, n)),
    v_set.table_name,
    concat_ws(
      ' and ',
      format('%I < %L::timestamptz', v_set.time_column, v_to),
      -- ids ascend with the time: where the range begins and ends is found without reading what lies outside; times
      -- far beyond have no place in an id
      case when v_set.by_uuid7 and v_to < '9999-01-01 00:00+00' then
        format('id < %L::uuid', syncwell._uuid7_floor(v_to + interval '1 millisecond'))
      end,
      case when v_set.by_uuid7 and p_from is not null then format('id >= %L::uuid', syncwell._uuid7_floor(p_from)) end,
      case when p_from is not null then format('%I >= %L::timestamptz', v_set.time_column, p_from) end,
      case when p_source is not null then format('source = %L', p_source) end,
      case when p_user_id is not null then format('user_id = %L::uuid', p_user_id) end
    )
  );
  return next;
end
$$;
comment on function syncwell.export_query(text, timestamptz, timestamptz, text, uuid) is
'The query by which `syncwell export`, or any other tool, reads p_what (runs, activity, metrics, events, sessions or '
'records) of a range of time, in pages: it is run by the caller, under row-level security, in the order of '
'key_columns, which are unique, each page from after the last key of the one before. p_from: from when, included '
'(default: the beginning); p_to: until when, not included (default: now); p_source, p_user_id: of these only; '
'columns: what the login may read; until: p_to, or what it was by default. Asking about another user is written to '
'the access log. Errors: 22023 unknown p_what, an empty range, no source to filter by; 42501, SW001, SW002, 25006 '
'(another user, in a read-only transaction).';
revoke all on function syncwell.export_query(text, timestamptz, timestamptz, text, uuid) from public;
grant execute on function syncwell.export_query(text, timestamptz, timestamptz, text, uuid) to syncwell_reader;
