create or replace function syncwell._begin_session(
  p_told syncwell.sync_sessions,
  p_now timestamptz,
  p_default_source text
)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_first timestamptz;
  v_last_received timestamptz;
begin
  perform from syncwell.sync_sessions as s where s.org_id = p_told.org_id and s.session_id = p_told.session_id;
  if found then
    return false;
  end if;
  select min(c.first_at), max(c.last_received_at) into v_first, v_last_received
  from syncwell.session_counts as c
  where c.org_id = p_told.org_id and c.session_id = p_told.session_id;

  insert into syncwell.sync_sessions (
    org_id, session_id, user_id, local_id, source, data_source, started_at, expected, metadata, platform, device_id,
    sync_status, last_sync_at, created_at, updated_at
  )
  values (
    p_told.org_id, p_told.session_id, p_told.user_id,
    -- who starts it by its id here may not know what the device calls it
    coalesce(
      (
        select l.local_id
        from syncwell.local_ids as l
        where l.org_id = p_told.org_id and l.server_id = p_told.session_id
        order by l.created_at, l.local_id
        limit 1
      ),
      p_told.local_id
    ),
    coalesce(p_told.source, p_default_source), p_told.data_source,
    coalesce(p_told.started_at, least(v_first, p_told.ended_at, p_now)), p_told.expected, p_told.metadata,
    p_told.platform, p_told.device_id,
    case
      when v_last_received is null then 'pending'
      else syncwell._session_sync_status(p_told.org_id, p_told.session_id, 'active', p_told.expected)
    end,
    v_last_received, p_now, p_now
  )
  on conflict (org_id, session_id) do nothing;
  if not found then
    return false;
  end if;

  if v_last_received is not null then
    update syncwell.session_counts as c
    set has_session = true
    where c.org_id = p_told.org_id and c.session_id = p_told.session_id;
  end if;
  return true;
end
$$;
comment on function syncwell._begin_session(syncwell.sync_sessions, timestamptz, text) is
'Makes the row of a session, active, from what is told of it, where there is none; what arrived before it becomes its '
'own. After _open_session(). Without a time it started at its first record, or now. Returns whether it was made. '
'Errors: 40001 where somebody else made it and this transaction can not see it (REPEATABLE READ).';
revoke all on function syncwell._begin_session(syncwell.sync_sessions, timestamptz, text) from public;
