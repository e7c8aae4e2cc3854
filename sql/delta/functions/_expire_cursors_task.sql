create or replace function syncwell._expire_cursors_task()
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  with old as (
    select c.org_id, c.user_id, c.cursor
    from syncwell.sync_cursors as c
    where c.created_at < syncwell._now() - syncwell._setting(null, 'delta.cursor_retention')::interval
    for update skip locked
  )
  delete from syncwell.sync_cursors as c
  using old as o
  where c.org_id = o.org_id and c.user_id = o.user_id and c.cursor = o.cursor;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function syncwell._expire_cursors_task() is
'Forgets the cursors of devices that stay away for longer than setting delta.cursor_retention, that of all orgs; '
'returns how many. Such a device replaces everything when it comes back.';
revoke all on function syncwell._expire_cursors_task() from public;
