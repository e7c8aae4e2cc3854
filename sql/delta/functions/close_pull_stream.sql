create or replace function syncwell.close_pull_stream(
  p_cursor bigint,
  p_records bigint default null,
  p_bytes bigint default null
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_me record := syncwell._syncing_user();
  v_cursor syncwell.sync_cursors;
  v_counts jsonb;
begin
  perform syncwell._check_count('p_records', p_records);
  perform syncwell._check_count('p_bytes', p_bytes);
  select c.* into v_cursor
  from syncwell.sync_cursors as c
  where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_cursor;
  if v_cursor.cursor is null then
    raise exception using
      errcode = '22023',
      message = 'p_cursor is no cursor of a stream',
      detail = format('The caller has no cursor %s.', coalesce(p_cursor::text, 'NULL')),
      hint = 'It is the timestamp in the answer that open_pull_stream() gave.';
  end if;
  -- nothing was to be sent
  if v_cursor.plan -> 'stream' is null then
    return;
  end if;
  v_counts := v_cursor.plan -> 'counts';
  if p_records <> (v_counts ->> 'created')::bigint + (v_counts ->> 'updated')::bigint then
    raise exception using
      errcode = '22023',
      message = 'the stream has not been sent whole',
      detail = format(
        '%s records were sent, not %s.', p_records,
        (v_counts ->> 'created')::bigint + (v_counts ->> 'updated')::bigint
      ),
      hint = 'Roll back, and begin again.';
  end if;
  update syncwell.sync_cursors as c
  set plan = null
  where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_cursor;
  perform syncwell._note_pull(
    v_me.org_id, v_me.user_id, v_cursor.device_id, v_cursor.plan ->> 'stream', p_cursor, v_cursor.schema_version,
    (v_counts ->> 'created')::bigint, (v_counts ->> 'updated')::bigint, (v_counts ->> 'deleted')::bigint, p_bytes,
    syncwell._pulled_records(v_me.org_id, v_me.user_id, v_cursor.device_id, v_counts), v_cursor.created_at,
    v_cursor.plan -> 'client'
  );
end
$$;
comment on function syncwell.close_pull_stream(bigint, bigint, bigint) is
'The last step of a streamed pull, in the transaction of open_pull_stream() before its COMMIT: notes the pull. '
'p_cursor: the timestamp of the answer; p_records: how many rows its queries gave, NULL = not counted; p_bytes: '
'length of the answer. Errors: SW001, 42501, 22023 for another cursor, for negative numbers, and where p_records is '
'not what was to be sent.';
revoke all on function syncwell.close_pull_stream(bigint, bigint, bigint) from public;
grant execute on function syncwell.close_pull_stream(bigint, bigint, bigint) to syncwell_client;
