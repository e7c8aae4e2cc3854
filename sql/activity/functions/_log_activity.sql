create or replace function syncwell._log_activity(
  p_org_id uuid,
  p_user_id uuid,
  p_action text,
  p_status text,
  p_sync_id text default null,
  p_entity_type text default null,
  p_record_count bigint default null,
  p_duration_seconds numeric default null,
  p_error_message text default null,
  p_created_at timestamptz default null
)
returns uuid
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into syncwell.sync_activity_log (
    org_id, created_at, user_id, record_count, duration_seconds, sync_id, action, status, entity_type, error_message
  )
  values (
    p_org_id, coalesce(p_created_at, syncwell._now()), p_user_id, p_record_count, round(p_duration_seconds, 3),
    p_sync_id, p_action, p_status, p_entity_type,
    case
      when p_error_message is not null
        then syncwell._redact(p_org_id, p_user_id, syncwell._scrub_secrets(p_error_message))
    end
  )
  returning id into v_id;
  return v_id;
end
$$;
comment on function
syncwell._log_activity(uuid, uuid, text, text, text, text, bigint, numeric, text, timestamptz) is
'Writes an entry of the activity log; the caller has checked what it passes. p_user_id: who did it or whose stream it '
'is, NULL: a service; p_sync_id: the sync it is about; p_duration_seconds: kept to the millisecond; p_error_message: '
'kept without secrets and with consent; p_created_at: when it was, NULL: now. Returns the entry''s id.';
revoke all on function
syncwell._log_activity(uuid, uuid, text, text, text, text, bigint, numeric, text, timestamptz) from public;
