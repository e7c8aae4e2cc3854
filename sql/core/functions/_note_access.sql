create or replace function syncwell._note_access(
  p_function text,
  p_subject uuid
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  -- Few and short expressions: each is set up anew in every transaction, and a call is one.
  v_caller record;
  v_is_set boolean;
begin
  if p_subject is null then
    return;
  end if;
  v_caller := syncwell._identity();
  if p_subject = v_caller.user_id then
    return;
  end if;
  -- an operator has no org, or acts beyond it: what it does is told to the org of whom it is about
  if v_caller.org_id is null or p_function in ('erase_user', 'export_user') then
    select u.org_id, case when u.org_id = v_caller.org_id then v_caller.user_id end as user_id, 'operator' as role
    into v_caller
    from syncwell.users as u
    where u.user_id = p_subject and pg_has_role(session_user, 'syncwell_operator', 'member');
    if not found then
      return;
    end if;
  end if;
  if current_setting('transaction_read_only') = 'on' then
    raise exception using
      errcode = '25006',
      message = 'asking about another user is written down, and this transaction is read-only',
      detail = format('%s() was called about another user than the caller.', p_function),
      hint = 'Call it in a transaction that may write, on the primary server; a user may read about itself anywhere.';
  end if;
  insert into syncwell.access_log (org_id, id, login_role, user_id, role, function_name, subject)
  values (
    v_caller.org_id, syncwell._uuid7(syncwell._now()), session_user, v_caller.user_id, v_caller.role, p_function,
    p_subject
  )
  returning exists (select from syncwell.settings as s where s.key = 'audit.server_log') into v_is_set;
  if v_is_set then
    if syncwell._setting(v_caller.org_id, 'audit.server_log')::boolean then
      raise log 'syncwell access: %() about user % by login % (role %, user %)',
        p_function, p_subject, session_user, v_caller.role, coalesce(v_caller.user_id::text, 'none');
    end if;
  end if;
end
$$;
comment on function syncwell._note_access(text, uuid) is
'Writes down that the function p_function was called about p_subject, where that is somebody else than the caller '
'(NULL: nobody in particular). The one writer of access_log; each public read function that takes a user calls it. '
'A ROLLBACK takes the entry along, but not the line in the server''s log that setting audit.server_log adds. Errors: '
'25006 in a read-only transaction.';
revoke all on function syncwell._note_access(text, uuid) from public;
