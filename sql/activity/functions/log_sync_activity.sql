create or replace function syncwell.log_sync_activity(
  p_action text,
  p_status text default 'completed',
  p_sync_id text default null,
  p_entity_type text default null,
  p_record_count bigint default null,
  p_duration_seconds numeric default null,
  p_error_message text default null,
  p_user_id uuid default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
  v_user_id uuid;
  v_id uuid;
begin
  if p_action in (
      'preview_delta', 'sync_start', 'sync_complete', 'batch_process', 'error_recovery', 'manual_trigger',
      'scheduled_run', 'partial_resume'
    )
    and p_status in (
      'pending', 'in_progress', 'paused', 'completed', 'completed_with_errors', 'failed', 'cancelled', 'timeout'
    )
    and coalesce(p_entity_type, 'order') in (
      'customer', 'product', 'order', 'invoice', 'supplier', 'inventory', 'category', 'attribute'
    )
    and length(coalesce(p_sync_id, '-')) between 1 and 200
    and coalesce(p_record_count, 0) >= 0
    and coalesce(p_duration_seconds, 0) between 0 and 1000000000
    and p_error_message is null
    and p_user_id is null
  then
    -- what is plainly well, of a user's or a service's login, which is looked up as in _caller(): each call of a
    -- function costs as much as an index of the entry
    insert into syncwell.sync_activity_log (
      org_id, created_at, user_id, record_count, duration_seconds, sync_id, action, status, entity_type
    )
    select
      l.org_id, syncwell._now(), l.user_id, p_record_count, round(p_duration_seconds, 3), p_sync_id, p_action,
      p_status, p_entity_type
    from syncwell.logins as l
    where l.login_role = session_user and l.org_id is not null
    returning id into v_id;
    if v_id is not null then
      return v_id;
    end if;
  end if;

  v_caller := syncwell._caller();
  v_user_id := v_caller.user_id;
  if p_user_id is not null then
    v_user_id := syncwell._target_user(p_user_id);
  end if;
  perform syncwell._check_activity(
    v_caller.org_id, p_action, p_status, p_sync_id, p_entity_type, p_record_count, p_duration_seconds, p_error_message
  );
  return syncwell._log_activity(
    v_caller.org_id, v_user_id, p_action, p_status, p_sync_id, p_entity_type, p_record_count, p_duration_seconds,
    p_error_message
  );
end
$$;
comment on function syncwell.log_sync_activity(text, text, text, text, bigint, numeric, text, uuid) is
'Writes an entry to the activity log of the caller''s org; entries are never changed. p_action: preview_delta, '
'sync_start, sync_complete, batch_process, error_recovery, manual_trigger, scheduled_run, partial_resume, or one of '
'setting activity.actions; p_status: pending, in_progress, paused, completed (the default), completed_with_errors, '
'failed, cancelled, timeout; p_sync_id: the sync it is about, up to 200 characters; p_entity_type: what is synced; '
'p_record_count: records handled; p_duration_seconds: kept to the millisecond; p_error_message: up to 8192 '
'characters, kept without secrets and with consent; p_user_id: who did it (admins and services may name users of '
'their org), NULL: the caller. Returns the entry''s id. Runs, pushes, previews and reported syncs write theirs '
'themselves. Errors: SW001, SW002, SW205 entity type, SW251 action, 22001, 22004, 22023.';
revoke all on function syncwell.log_sync_activity(text, text, text, text, bigint, numeric, text, uuid) from public;
grant execute on function
syncwell.log_sync_activity(text, text, text, text, bigint, numeric, text, uuid) to syncwell_worker;
