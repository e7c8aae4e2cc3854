create or replace function syncwell._end_sync_progress_of_run()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update syncwell.sync_progress as p
  set
    status = case new.status
      when 'success' then 'completed'
      when 'partial' then 'completed_with_errors'
      else new.status
    end
  where p.org_id = new.org_id and p.sync_id = new.id::text and p.completed_at is null;
  return null;
end
$$;
comment on function syncwell._end_sync_progress_of_run() is
'Trigger on sync_events: the progress row named after the run ends as the run did (success: completed; partial: '
'completed_with_errors; '
'failed, cancelled, timeout likewise). Definer, because whoever ends a run need not be allowed to write progress.';
revoke all on function syncwell._end_sync_progress_of_run() from public;
