create or replace function syncwell._check_activity(
  p_org_id uuid,
  p_action text,
  p_status text,
  p_sync_id text,
  p_entity_type text,
  p_record_count bigint,
  p_duration_seconds numeric,
  p_error_message text
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_built_in constant text[] := array[
    'preview_delta', 'sync_start', 'sync_complete', 'batch_process', 'error_recovery', 'manual_trigger',
    'scheduled_run', 'partial_resume'
  ];
begin
  if p_action is null or p_status is null then
    raise exception using
      errcode = '22004',
      message = 'an action and a status are needed',
      detail = format('%s is NULL.', case when p_action is null then 'p_action' else 'p_status' end),
      hint = 'Say what was done, e.g. batch_process, and how it stands, e.g. completed.';
  end if;
  if p_action <> all(c_built_in)
    and p_action <> all(
      string_to_array(
        regexp_replace(syncwell._setting(p_org_id, 'activity.actions'), '[[:space:]]', '', 'g'), ','
      )
    )
  then
    raise exception using
      errcode = 'SW251',
      message = 'unknown action',
      detail = format('%L is neither built in nor listed in setting activity.actions.', left(p_action, 100)),
      hint = format('Built in are: %s.', array_to_string(c_built_in, ', '));
  end if;
  perform syncwell._check_activity_status(p_status);
  perform syncwell._check_text('p_sync_id', p_sync_id, 200);
  if p_sync_id = '' then
    raise exception using
      errcode = '22023',
      message = 'an empty sync_id names no sync',
      detail = 'p_sync_id is empty.',
      hint = 'Leave it out where there is none.';
  end if;
  perform syncwell._check_entity_type(p_org_id, null, p_entity_type);
  perform syncwell._check_count('p_record_count', p_record_count);
  if p_duration_seconds is not null and not p_duration_seconds between 0 and 1000000000 then
    raise exception using
      errcode = '22023',
      message = 'duration out of range',
      detail = 'p_duration_seconds is negative, no number, or more than 1000000000.',
      hint = 'Pass seconds, or leave it out where they are not known.';
  end if;
  perform syncwell._check_text('p_error_message', p_error_message, 8192);
end
$$;
comment on function
syncwell._check_activity(uuid, text, text, text, text, bigint, numeric, text) is
'Refuses what log_sync_activity() can''t log, each with its error: SW205, SW251, 22001, 22004, 22023.';
revoke all on function
syncwell._check_activity(uuid, text, text, text, text, bigint, numeric, text) from public;
