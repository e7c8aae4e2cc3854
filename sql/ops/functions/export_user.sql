create or replace function syncwell.export_user(p_user_id uuid)
returns table (
  table_name text,
  data jsonb
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._identity();
  v_org_id uuid;
begin
  if p_user_id is null then
    raise exception using
      errcode = '22004',
      message = 'a user is needed',
      detail = 'p_user_id is NULL.',
      hint = 'Name the user: a user itself, or anybody for an operator.';
  end if;
  select u.org_id into v_org_id
  from syncwell.users as u
  where u.user_id = p_user_id
    and (u.user_id = v_caller.user_id or pg_has_role(session_user, 'syncwell_operator', 'member'));
  if not found then
    raise exception using
      errcode = 'SW002',
      message = 'unknown user',
      detail = format('There is no user %s whose data this caller may take out.', p_user_id),
      hint = 'Users take out their own data, operators anybody''s.';
  end if;
  perform syncwell._note_access('export_user', p_user_id);
  return query select e.table_name, e.data from syncwell._export_rows(v_org_id, p_user_id) as e;
end
$$;
comment on function syncwell.export_user(uuid) is
'Everything that is stored about the user p_user_id, as of one moment, a row at a time: table_name and the row as '
'data. Without leases, which are keys and not data; of rows that are somebody else''s (personal_data: anonymise) only '
'the key, the times and what the user left there. Not in it: tables of the application, also the synced ones. To be '
'read by a cursor or COPY: the server keeps what does not fit into work_mem in a temporary file. For the user itself, '
'and for operators, whose call is written to the access log. Errors: 22004, SW002, 25006.';
revoke all on function syncwell.export_user(uuid) from public;
grant execute on function syncwell.export_user(uuid) to syncwell_client, syncwell_operator;
