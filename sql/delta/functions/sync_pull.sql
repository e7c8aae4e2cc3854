create or replace function syncwell.sync_pull(
  p_last_pulled_at bigint default null,
  p_schema_version integer default null,
  p_migration jsonb default null,
  p_tables text[] default null,
  p_device_id text default null,
  p_limit integer default null,
  p_created_as_updated boolean default false,
  p_client jsonb default null
)
returns json
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_started_at constant timestamptz := syncwell._now();
  v_time constant text := to_char(v_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
  v_as_updated constant boolean := coalesce(p_created_as_updated, false);
  v_read record;
  v_cursor bigint;
begin
  if p_last_pulled_at > 0
    and p_migration is null
    and p_tables is null
    and pg_current_xact_id_if_assigned() is null
    and current_setting('transaction_read_only') = 'off'
    and syncwell._idle_pull(p_last_pulled_at, coalesce(p_device_id, ''), v_started_at)
  then
    return json_build_object(
      'changes', json '{}', 'timestamp', p_last_pulled_at, 'stats', json '{}', 'message', 'Everything is up to date',
      'serverTime', v_time, 'hasMore', false
    );
  end if;

  perform syncwell._check_pull(p_schema_version, p_tables, p_device_id, p_limit);
  -- one statement, one snapshot
  v_read := syncwell._read_pull(p_last_pulled_at, p_migration, p_tables, p_device_id, v_as_updated, p_limit);
  if v_read.kind = 'again' then
    perform syncwell._begin_pull();
    v_read := syncwell._read_pull(p_last_pulled_at, p_migration, p_tables, p_device_id, v_as_updated, p_limit);
    if v_read.kind = 'again' then
      raise exception using
        errcode = '40001',
        message = 'the database has just been moved to another cluster',
        detail = 'The snapshot of this transaction is older than that.',
        hint = 'Begin the transaction again.';
    end if;
  end if;

  if v_read.kind <> 'idle' or v_read.refresh then
    v_cursor := syncwell._end_pull(
      v_read.base, v_read.page, p_device_id, v_read.kind, v_read.snapshot, v_read.covers, p_schema_version,
      v_read.counts, v_started_at, p_client, v_read.page_table, v_read.page_record, v_read.plan
    );
  else
    v_cursor := p_last_pulled_at;
    if v_read.due then
      perform syncwell._note_idle_pull(p_last_pulled_at, p_device_id, p_schema_version, v_started_at, p_client);
    end if;
  end if;

  if v_read.strategy is null and v_read.ignored is null and v_read.page_number is null then
    return json_build_object(
      'changes', coalesce(v_read.changes, '{}'), 'timestamp', v_cursor, 'stats', coalesce(v_read.stats, '{}'),
      'message', syncwell._pull_message(v_read.items), 'serverTime', v_time, 'hasMore', false
    );
  end if;
  return (
    select json_object_agg(a.key, a.value)
    from (
      values
      ('changes', coalesce(v_read.changes, '{}')),
      ('timestamp', to_json(v_cursor)),
      ('experimentalStrategy', v_read.strategy),
      ('stats', coalesce(v_read.stats, '{}')),
      ('message', to_json(syncwell._pull_message(v_read.items))),
      ('serverTime', to_json(v_time)),
      ('hasMore', to_json(v_read.page_table is not null)),
      ('page', to_json(v_read.page_number)),
      ('ignored', to_json(v_read.ignored))
    ) as a (key, value)
    where a.value is not null
  );
end
$$;
comment on function syncwell.sync_pull(bigint, integer, jsonb, text[], text, integer, boolean, jsonb) is
'All that a device has to apply to be where the server is, as WatermelonDB''s pullChanges() wants it: {"changes": '
'{table: {"created": [record], "updated": [record], "deleted": [id]}}, "timestamp": cursor, "experimentalStrategy": '
'left out where all is incremental, "stats": {table: {created, updated, deleted}}, "message", "serverTime": ISO 8601 '
'in UTC, "hasMore", "page": for paged pulls, "ignored": what p_migration names that is not synced}. It is read with '
'one snapshot and with the caller''s own rights; what is sent is exactly what the cursor''s snapshot could not see. '
'p_last_pulled_at: the cursor of the last answer (not a time); NULL or 0: a first pull, everything as created; one '
'that is not known here, or so old that deletions after it are forgotten: everything as updated, with strategy '
'replacement. p_schema_version: the client''s, kept for information. p_migration: as the client gives it: new tables '
'are sent in full, of tables with new columns also the records that have a value there. p_tables: only these (NULL = '
'all); the cursor then stands for these only, and others are sent in full when they are asked for again. p_device_id: '
'the device''s own id, at most 255 characters; a cursor is good for its device only. p_limit: at most so many records '
'in an answer (1..100000, NULL = all): where hasMore is true, pull again with the timestamp, apply all pages at once '
'and keep the last timestamp; where an answer has page 1 again, forget the pages before it. p_created_as_updated: '
'everything as updated, for clients with sendCreatedAsUpdated. p_client: {platform, appVersion, networkType, '
'networkQuality}. A pull that finds nothing writes nothing, but once in setting delta.idle_interval that the device '
'was here. The transaction may not write to synced tables, neither before nor after. Errors: SW001 nobody is calling, '
'42501 it is no user or may not read a table, SW301 unknown table in p_tables, SW303 larger than setting '
'delta.max_bytes, SW305 written in this transaction, SW306 changed records are hidden from their owner, SW307 it '
'would delete most of the device''s records, SW308 untracked partitions, 22001, 22023 wrong parameters, 25006 '
'read-only transaction or standby, 40001 the database was moved while the transaction ran.';
revoke all on function syncwell.sync_pull(bigint, integer, jsonb, text[], text, integer, boolean, jsonb) from public;
grant execute on function syncwell.sync_pull(bigint, integer, jsonb, text[], text, integer, boolean, jsonb)
to syncwell_client;
