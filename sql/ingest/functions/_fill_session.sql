create or replace function syncwell._fill_session(
  p_told syncwell.sync_sessions,
  p_now timestamptz,
  p_default_source text,
  p_arrived boolean,
  p_is_final boolean default false,
  out local_id text,
  out source text,
  out data_source text,
  out status text,
  out sync_status text,
  out ended_at timestamptz,
  out expected jsonb,
  out metadata jsonb,
  out changed boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_new syncwell.sync_sessions;
  v_old syncwell.sync_sessions;
  v_last timestamptz;
begin
  select s.* into strict v_old
  from syncwell.sync_sessions as s
  where s.org_id = p_told.org_id and s.session_id = p_told.session_id
  for no key update;
  v_new := v_old;

  -- the first to be told something has its say, whoever comes when; only the end is told again
  v_new.source := case
    when v_old.source = p_default_source then coalesce(p_told.source, v_old.source) else v_old.source
  end;
  v_new.data_source := coalesce(v_old.data_source, p_told.data_source);
  v_new.platform := coalesce(v_old.platform, p_told.platform);
  v_new.device_id := coalesce(v_old.device_id, p_told.device_id);
  v_new.metadata := coalesce(p_told.metadata || v_old.metadata, v_old.metadata, p_told.metadata);
  v_new.expected := case
    when p_is_final then coalesce(v_old.expected || p_told.expected, p_told.expected, v_old.expected)
    else coalesce(syncwell._most_expected(v_old.expected, p_told.expected), v_old.expected, p_told.expected)
  end;
  v_new.started_at := least(v_old.started_at, p_told.started_at, p_told.ended_at);
  if v_old.status = 'completed' or p_told.status = 'completed' or p_told.ended_at is not null then
    v_new.status := 'completed';
    v_new.ended_at := coalesce(p_told.ended_at, v_old.ended_at);
    if v_new.ended_at is null then
      select max(c.last_at) into v_last
      from syncwell.session_counts as c
      where c.org_id = p_told.org_id and c.session_id = p_told.session_id;
      v_new.ended_at := greatest(v_new.started_at, coalesce(v_last, p_now));
    end if;
  end if;
  changed := v_new is distinct from v_old;

  if p_arrived then
    v_new.sync_attempts := v_old.sync_attempts + 1;
    v_new.last_sync_at := greatest(v_old.last_sync_at, p_now);
    v_new.last_error_code := null;
    v_new.last_error := null;
  end if;
  if v_new.last_sync_at is not null and v_new.last_error_code is null then
    v_new.sync_status := syncwell._session_sync_status(
      v_new.org_id, v_new.session_id, v_new.status, v_new.expected
    );
  end if;
  if v_new is distinct from v_old then
    v_new.updated_at := greatest(v_old.updated_at, p_now);
    perform syncwell._put_session(v_new);
  end if;
  local_id := v_new.local_id;
  source := v_new.source;
  data_source := v_new.data_source;
  status := v_new.status;
  sync_status := v_new.sync_status;
  ended_at := v_new.ended_at;
  expected := v_new.expected;
  metadata := v_new.metadata;
end
$$;
comment on function syncwell._fill_session(syncwell.sync_sessions, timestamptz, text, boolean, boolean) is
'Adds to a session what is told of it (NULL: not told): the earliest start, the newest end, the most that is expected '
'of each kind (p_is_final: what is told), of everything else what was told first; told that it ended, or status '
'completed, it is completed for good, without a time at its last record, or now. p_arrived: this is an attempt that '
'was taken. changed: whether anything was new. Locks the row: after everything else, as batches do.';
revoke all on function syncwell._fill_session(syncwell.sync_sessions, timestamptz, text, boolean, boolean) from public;
