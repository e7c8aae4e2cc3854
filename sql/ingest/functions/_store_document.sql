create or replace function syncwell._store_document(
  p_told syncwell.sync_sessions,
  p_rows syncwell.ingest_row[],
  p_kinds text[],
  p_bounds integer[],
  p_now timestamptz,
  p_default_source text,
  out answer jsonb,
  out source text,
  out is_mock boolean,
  out metadata jsonb,
  out has_changed boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_created boolean;
  v_done record;
  v_inserted bigint := 0;
  v_duplicates bigint := 0;
  v_updated bigint := 0;
  v_by_kind jsonb := '{}'::jsonb;
  v_missing jsonb;
begin
  -- a new row nobody else waits for; one that is there is locked last, after what batches lock before it
  v_created := syncwell._begin_session(p_told, p_now, p_default_source);
  for v_n in 1..cardinality(p_kinds) loop
    continue when p_bounds[v_n] = p_bounds[v_n + 1];
    v_done := syncwell._store_records(
      p_told.org_id, p_told.user_id, p_told.session_id, p_kinds[v_n], p_rows[p_bounds[v_n] + 1:p_bounds[v_n + 1]],
      p_now
    );
    v_inserted := v_inserted + v_done.inserted;
    v_duplicates := v_duplicates + v_done.duplicates;
    v_updated := v_updated + v_done.updated;
    v_by_kind := v_by_kind || jsonb_build_object(
      p_kinds[v_n],
      jsonb_build_object(
        'received', p_bounds[v_n + 1] - p_bounds[v_n], 'inserted', v_done.inserted, 'duplicates', v_done.duplicates,
        'updated', v_done.updated
      )
    );
  end loop;
  v_done := syncwell._fill_session(p_told, p_now, p_default_source, true);
  source := v_done.source;
  metadata := v_done.metadata;
  is_mock := v_done.data_source is not distinct from 'mock';
  v_missing := syncwell._session_missing(p_told.org_id, p_told.session_id, v_done.expected);
  has_changed := v_created or v_done.changed or v_inserted + v_updated > 0;
  answer := jsonb_build_object(
    'success', true,
    'session_id', p_told.session_id,
    'created', v_created,
    'already_synced', not has_changed,
    'inserted', v_inserted,
    'duplicates', v_duplicates,
    'updated', v_updated,
    'records', v_by_kind,
    'status', v_done.status,
    'sync_status', v_done.sync_status,
    'complete', v_missing = '{}',
    'missing', v_missing
  );
end
$$;
comment on function
syncwell._store_document(
  syncwell.sync_sessions, syncwell.ingest_row[], text[], integer[], timestamptz, text
) is
'Writes a session and its records: p_rows are checked, those of p_kinds[n] begin after p_bounds[n] and end with '
'p_bounds[n + 1]. answer: that of sync_session(); source, is_mock, metadata: of the session; has_changed: whether '
'anything of it was new.';
revoke all on function
syncwell._store_document(
  syncwell.sync_sessions, syncwell.ingest_row[], text[], integer[], timestamptz, text
) from public;
