create or replace function syncwell._begin_queue()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._store_queue_defaults(array[new.org_id]);
  perform syncwell._make_queue_locks(new.org_id);
  -- what most use: whoever makes a lane holds up all others that need it to the end of its transaction
  perform syncwell._lane(new.org_id, d.source, 5) from syncwell.queue_defaults as d where d.org_id = new.org_id;
  return null;
end
$$;
comment on function syncwell._begin_queue() is
'Trigger: a new org has its row in queue_defaults, without which nothing of its can be enqueued at once, its locks, '
'and the lane of what says neither source nor priority.';
revoke all on function syncwell._begin_queue() from public;
