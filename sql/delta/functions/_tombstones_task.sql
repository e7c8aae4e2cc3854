create or replace function syncwell._tombstones_task()
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell.cleanup_old_tombstones(syncwell._setting(null, 'delta.tombstone_retention')::interval);
end
$$;
comment on function syncwell._tombstones_task() is
'Forgets deletions older than setting delta.tombstone_retention, that of all orgs; returns how many.';
revoke all on function syncwell._tombstones_task() from public;
