create or replace function syncwell._drop_queue()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from syncwell.queue_dependencies as d where d.org_id = old.org_id;
  delete from syncwell.sync_queue as q where q.org_id = old.org_id;
  return null;
end
$$;
comment on function syncwell._drop_queue() is
'Trigger: what an org that is deleted has waiting goes with it. A foreign key would cost every enqueueing more than '
'the rest of it.';
revoke all on function syncwell._drop_queue() from public;
