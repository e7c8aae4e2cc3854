create or replace function syncwell._take_conflict(
  p_conflict_id uuid,
  out table_id integer,
  out table_name text,
  out scope uuid,
  out org_id uuid,
  out record_id text,
  out server_record jsonb,
  out client_record jsonb,
  out choice text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_conflict syncwell.sync_conflicts;
  v_table syncwell.synced_tables;
begin
  v_caller := syncwell._caller();
  select c.* into v_conflict
  from syncwell.sync_conflicts as c
  where c.org_id = v_caller.org_id and c.id = p_conflict_id
    and (c.user_id = v_caller.user_id or v_caller.role in ('admin', 'service'))
  for update;
  if not found then
    raise exception using
      errcode = 'SW309',
      message = 'unknown conflict',
      detail = format('There is no conflict %s that this caller may decide.', coalesce(p_conflict_id::text, 'NULL')),
      hint = 'syncwell.get_sync_conflicts() lists them. Users decide their own, admins and services their org''s.';
  end if;
  select t.* into v_table from syncwell.synced_tables as t where t.table_name = v_conflict.table_name;
  if not found then
    raise exception using
      errcode = 'SW301',
      message = 'unknown synced table',
      detail = format('Table %s is not registered any more.', v_conflict.table_name),
      hint = 'Tables are registered with syncwell.register_synced_table().';
  end if;
  table_id := v_table.table_id;
  table_name := v_table.table_name;
  scope := v_conflict.scope;
  org_id := case v_table.scope_kind when 'org_user' then v_conflict.org_id end;
  record_id := v_conflict.record_id;
  server_record := v_conflict.server_record;
  client_record := v_conflict.client_record;
  choice := v_conflict.choice;
end
$$;
comment on function syncwell._take_conflict(uuid) is
'A conflict that the caller may decide, locked: its own, or for admins and services one of their org. Errors: SW001, '
'SW301, SW309.';
revoke all on function syncwell._take_conflict(uuid) from public;
-- resolve_conflict writes the record with the caller's rights
grant execute on function syncwell._take_conflict(uuid) to syncwell_client, syncwell_worker;
