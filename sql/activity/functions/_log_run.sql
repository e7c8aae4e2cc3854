create or replace function syncwell._log_run()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not syncwell._setting(new.org_id, 'activity.log_runs', new.source, new.platform)::boolean then
    return null;
  end if;
  if tg_op = 'INSERT' then
    insert into syncwell.sync_activity_log (org_id, created_at, user_id, sync_id, action, status)
    values (
      new.org_id, new.started_at, new.user_id, new.id::text,
      case
        -- while it runs: the error it retries
        when new.attempt > 1 or new.parent_id is not null or (new.status = 'started' and new.error_id is not null)
          then 'error_recovery'
        when new.direction = 'push' then 'batch_process'
        when new.sync_type = 'manual' then 'manual_trigger'
        when new.direction is null and new.sync_type <> 'webhook' and exists (
          select from syncwell.streams as s
          where s.org_id = new.org_id
            and s.stream_id = new.stream_id
            and (s.cron is not null or s.expected_interval is not null)
        ) then 'scheduled_run'
        else 'sync_start'
      end,
      'in_progress'
    );
  end if;
  if new.status <> 'started' then
    insert into syncwell.sync_activity_log (
      org_id, created_at, user_id, record_count, duration_seconds, sync_id, action, status, error_message
    )
    values (
      new.org_id,
      -- never in the same moment as its start, so that the two keep their order
      greatest(new.completed_at, new.started_at + interval '1 microsecond'),
      new.user_id, new.items_processed, round(new.duration_ms / 1000.0, 3), new.id::text, 'sync_complete',
      case new.status when 'success' then 'completed' when 'partial' then 'completed_with_errors' else new.status end,
      case
        when new.error_message is not null
          then syncwell._redact(new.org_id, new.user_id, syncwell._scrub_secrets(new.error_message))
      end
    );
  end if;
  return null;
end
$$;
comment on function syncwell._log_run() is
'Trigger of sync_events: a run''s start and its end go to the activity log, unless setting activity.log_runs is off. '
'What started it is the action: a retry error_recovery, a device''s push batch_process, type manual manual_trigger, a '
'stream with cron or expected interval scheduled_run, any other sync_start. The end is sync_complete, with status '
'completed (success), completed_with_errors (partial), failed, timeout or cancelled: whoever ends a run holds its '
'lock, and it ends once. Definer, because whoever writes a run may not write the log.';
revoke all on function syncwell._log_run() from public;
