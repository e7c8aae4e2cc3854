create or replace function syncwell._change_queue_defaults()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not array[new.key, old.key] && syncwell._queue_default_keys() then
    return null;
  end if;
  perform syncwell._store_queue_defaults(
    array(
      select o.org_id
      from syncwell.orgs as o
      where o.org_id in (new.org_id, old.org_id)
        -- one without an org is everybody's
        or (tg_op <> 'DELETE' and new.org_id is null)
        or (tg_op <> 'INSERT' and old.org_id is null)
    )
  );
  return null;
end
$$;
comment on function syncwell._change_queue_defaults() is
'Trigger: keeps queue_defaults when settings of the queue change.';
revoke all on function syncwell._change_queue_defaults() from public;
