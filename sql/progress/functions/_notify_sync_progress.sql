create or replace function syncwell._notify_sync_progress()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._announce_sync_progress(new.org_id, new.id, new.source_system);
  return null;
end
$$;
comment on function syncwell._notify_sync_progress() is
'Trigger: a sync began. After the insert, because a row that ON CONFLICT turns away must not be told of. '
'Definer, because it reads a setting.';
revoke all on function syncwell._notify_sync_progress() from public;
