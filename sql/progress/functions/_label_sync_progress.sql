create or replace function syncwell._label_sync_progress()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  new.org_id := old.org_id;
  new.id := old.id;
  new.sync_id := old.sync_id;
  new.started_at := old.started_at;
  new.completed_at := old.completed_at;
  perform syncwell._check_sync_labels(new, old);
  if new.source_system is distinct from old.source_system then
    new.stall_seconds := syncwell._stall_seconds(new.org_id, new.source_system);
  end if;
  return new;
end
$$;
comment on function syncwell._label_sync_progress() is
'Trigger, only where one of these columns is set: what a progress row is about is checked, what never moves stays. '
'Definer, because it reads settings. Errors: 22001, SW205.';
revoke all on function syncwell._label_sync_progress() from public;
