create or replace function syncwell.import_existing(
  p_kind text,
  p_query text,
  p_import text default 'import',
  p_dry_run boolean default true,
  p_batch integer default 10000,
  out rows_read bigint,
  out imported bigint,
  out duplicates bigint,
  out updated bigint,
  out rejected bigint,
  out rejections jsonb,
  out last_key text,
  out done boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- a key must read the same in the session that resumes
set datestyle = 'ISO'
set plan_cache_mode = force_custom_plan
as $$
declare
  v_cursor refcursor;
  v_from text;
  v_rows jsonb[];
  v_last text;
  v_type text;
  v_state text;
  v_message text;
begin
  perform syncwell._check_import(p_kind, p_query, p_import, p_dry_run, p_batch);
  v_from := syncwell._begin_import(p_import, p_kind, p_dry_run);
  begin
    -- a cursor takes one statement, and no more
    open v_cursor for execute format('select pg_typeof(q.key)::text from (%s) as q limit 1', p_query);
    fetch v_cursor into v_type;
    close v_cursor;
    if v_type is not null then
      -- all that share the last key come along, else those beyond the batch would be passed over
      open v_cursor for execute format(
        'select array_agg(to_jsonb(b) order by b.key), (array_agg(b.key order by b.key desc))[1]::text from ('
        'select * from (%s) as q where q.key is not null %s order by q.key fetch first %s rows with ties) as b',
        p_query,
        case when v_from is not null then format('and q.key > %L::%s', v_from, v_type) end,
        p_batch
      );
      fetch v_cursor into v_rows, v_last;
      close v_cursor;
    end if;
  exception
    when others then
      get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
      if v_state !~ '^(0A|21|22|26|28|2[BF]|3|42)' then
        raise;
      end if;
      raise exception using
        errcode = '22023',
        message = 'the query can not be run',
        detail = format('%s (%s).', v_message, v_state),
        hint = 'Pass one SELECT with a column key and those of the kind, every table with its schema.';
  end;
  select i.imported, i.duplicates, i.updated, i.rejected, i.rejections
  into imported, duplicates, updated, rejected, rejections
  from syncwell._import_batch(
    p_import, p_kind, p_dry_run, coalesce(v_rows, array[]::jsonb[]), coalesce(v_last, v_from), p_batch
  ) as i;
  rows_read := coalesce(cardinality(v_rows), 0);
  last_key := coalesce(v_last, v_from);
  done := rows_read < p_batch;
end
$$;
comment on function syncwell.import_existing(text, text, text, boolean, integer) is
'Brings what a host has recorded already into syncwell, a batch a call: call it until done. Rows are copied; nothing '
'of the host is changed. p_kind: sessions, records, events, sync_state or sync_health, in this order where all are '
'there. p_query: a SELECT, run with the caller''s own rights, every table with its schema, with a column key, whose '
'order is the order of the import (rows without are left out; best indexed; no user''s id), user_id (registered), '
'and: sessions: id (the host''s), local_id (NULL: the id), started_at, ended_at, status (active, completed; NULL: '
'completed if it ended), source, data_source, expected, metadata, platform, device_id, created_at; records: session '
'(an id or local id of sessions; one that is unknown makes an orphan), kind, occurred_at, written_at, received_at '
'(NULL: when it happened), data_source, local_id, spo2, heart_rate, payload; events: source, external_id, '
'occurred_at, written_at, received_at, platform, data_source, session, payload, and org_id in place of user_id for '
'the org''s own; sync_state: source, platform, expected_interval and any of last_sync_token, last_full_sync, '
'last_incremental_sync, last_successful_sync, last_failed_sync, last_status, last_run_at, consecutive_failures, '
'items_in_database; sync_health: source and what update_sync_health_metrics() takes. Only key, user_id, and what a '
'kind can not be without must be there; times have an offset. Sessions with an id or local id in common are one; '
'others that are one merge_duplicate_sessions() repairs afterwards. What is here already stays if it is newer. '
'p_import: a name; the same one goes on after the last key, also when it was done. p_dry_run (the default): all is '
'done and taken back, but for how far it came, which is kept for dry runs of the name by themselves. p_batch: rows a '
'call, 1 to 100000. Returns counts of this call; rejections: the first hundred, {key, reason}; last_key; done: no '
'more rows. For operators. Errors: 22004, 22023 (also whatever is wrong with the query), 22001, 40001, 42501.';
revoke all on function syncwell.import_existing(text, text, text, boolean, integer) from public;
grant execute on function syncwell.import_existing(text, text, text, boolean, integer) to syncwell_operator;
