create or replace function syncwell._notify_sync_progress()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._announce_sync_progress(new.org_id, new.id, new.source_system);
  perform syncwell._log_sync_progress(new, null);
  return null;
end
$$;
comment on function syncwell._notify_sync_progress() is
'Trigger: a sync began, and may have ended at once. After the insert, because a row that ON CONFLICT turns away must '
'be neither told of nor logged. Definer, because it reads a setting and writes the log.';
revoke all on function syncwell._notify_sync_progress() from public;
