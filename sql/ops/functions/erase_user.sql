create or replace function syncwell.erase_user(p_user_id uuid)
returns table (
  table_name text,
  user_column text,
  action text,
  affected_rows bigint
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user syncwell.users;
  v_rows bigint := 0;
begin
  if p_user_id is null then
    raise exception using
      errcode = '22004',
      message = 'a user is needed',
      detail = 'p_user_id is NULL.',
      hint = 'Name the user to erase.';
  end if;
  -- whoever is making the user rows that refer to it ends first, and nobody begins
  select u.* into v_user from syncwell.users as u where u.user_id = p_user_id for update;
  perform syncwell._note_access('erase_user', p_user_id);

  for table_name, user_column, action, affected_rows in
    select e.table_name, e.user_column, e.action, e.affected_rows
    from syncwell._erase_rows(v_user.org_id, p_user_id) as e
  loop
    v_rows := v_rows + affected_rows;
    return next;
  end loop;
  if v_rows = 0 then
    raise exception using
      errcode = 'SW002',
      message = 'unknown user',
      detail = format('There is no user %s, nor anything about one.', p_user_id),
      hint = 'Compare the id: an erased user leaves nothing behind.';
  end if;
  insert into syncwell.erasures (org_id, id, subject_hash, erased_at, erased_xid, login_role, erased_rows)
  values (
    v_user.org_id, syncwell._uuid7(syncwell._now()), syncwell._subject_hash(p_user_id::text), syncwell._now(),
    pg_current_xact_id(), session_user, v_rows
  );
end
$$;
comment on function syncwell.erase_user(uuid) is
'Erases the person p_user_id: in one transaction deletes every row of every domain that is the user''s, metrics and '
'tombstones included, and takes the user out of what others own (registry personal_data says which is which). Returns '
'what was done to which table. The user''s logins and devices are nobody from then on. What is left of the act is a '
'row of erasures with a hash of the id; what calls that were under way may still have written about the user, '
'maintenance erases (task erase_leftovers). Not touched: tables of the application, also the synced ones (delete '
'their rows first, or call this again after: deleting them writes tombstones), the database role itself, the '
'server''s logs, backups, and an id that somebody put into a text or document of somebody else. A user who is '
'registered again with the same id begins with nothing. To see what would be erased, call it in a transaction and '
'roll that back. For operators. Errors: 22004, SW002 where nothing is known of the user, 25006.';
revoke all on function syncwell.erase_user(uuid) from public;
grant execute on function syncwell.erase_user(uuid) to syncwell_operator;
