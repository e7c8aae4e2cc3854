create or replace function syncwell._lock_sessions(
  p_org_id uuid,
  p_user_id uuid,
  p_is_exclusive boolean
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  -- the user's own row: an advisory lock could be held by any login
  if p_is_exclusive then
    perform from syncwell.users as u where u.org_id = p_org_id and u.user_id = p_user_id for no key update;
  else
    perform from syncwell.users as u where u.org_id = p_org_id and u.user_id = p_user_id for share;
  end if;
end
$$;
comment on function syncwell._lock_sessions(uuid, uuid, boolean) is
'Holds a user''s sessions as they are until the end of the transaction: shared by whoever puts something into them, '
'exclusive for whoever makes, merges or splits one. So nothing arrives for a session while it is merged away, and '
'nothing stays an orphan whose session was just made. Taken before anything else is read or locked; a second, '
'exclusive one after a shared one may deadlock.';
revoke all on function syncwell._lock_sessions(uuid, uuid, boolean) from public;
