create or replace function syncwell._log_preview()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_seconds numeric;
begin
  -- when it was begun is known of those that held their place
  if tg_op = 'UPDATE' and old.computed_at = '-infinity' then
    v_seconds := extract(epoch from new.computed_at - new.created_at);
  end if;
  perform syncwell._log_activity(
    p_org_id => new.org_id,
    p_user_id => new.computed_by,
    p_action => 'preview_delta',
    p_status => 'completed',
    p_sync_id => new.sync_id,
    p_record_count => new.new_count + new.updated_count + new.deleted_count,
    p_duration_seconds => v_seconds
  );
  return null;
end
$$;
comment on function syncwell._log_preview() is
'Trigger: writes an activity entry for each preview that is computed, with how many records it affects and, where that '
'is known, how long it took.';
revoke all on function syncwell._log_preview() from public;
