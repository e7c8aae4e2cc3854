create or replace function syncwell._log_sync_progress(
  p_new syncwell.sync_progress,
  p_old_status text
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run syncwell.sync_events;
  v_ends constant boolean := p_new.completed_at is not null;
begin
  if not v_ends and (p_old_status = 'paused' and p_new.status = 'in_progress') is not true then
    return;
  end if;
  if v_ends and p_new.sync_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select e.* into v_run from syncwell.sync_events as e where e.org_id = p_new.org_id and e.id = p_new.sync_id::uuid;
    -- a run logs its own end
    if found and syncwell._setting(v_run.org_id, 'activity.log_runs', v_run.source, v_run.platform)::boolean then
      return;
    end if;
  end if;
  perform syncwell._log_activity(
    p_new.org_id, p_new.initiated_by, case when v_ends then 'sync_complete' else 'partial_resume' end, p_new.status,
    p_new.sync_id, p_new.entity_type, p_new.processed_count,
    greatest(
      0,
      extract(epoch from coalesce(p_new.completed_at, syncwell._now()) - p_new.started_at) - p_new.paused_seconds
    )
  );
end
$$;
comment on function syncwell._log_sync_progress(syncwell.sync_progress, text) is
'Writes to the activity log that a sync has ended or is resumed, with the records processed and the seconds elapsed; '
'of any other change of its status, nothing. p_new: the row as it is being written, p_old_status: its status before, '
'NULL for a new row. The end of a sync named after a run is the run''s to log (setting activity.log_runs).';
revoke all on function syncwell._log_sync_progress(syncwell.sync_progress, text) from public;
