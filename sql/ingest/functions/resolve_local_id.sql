create or replace function syncwell.resolve_local_id(
  p_entity_type text,
  p_local_id text,
  p_device_id text default null,
  p_user_id uuid default null,
  out server_id uuid,
  out created boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_user_id constant uuid := syncwell._session_user(p_user_id);
begin
  perform syncwell._check_local_id('p_entity_type', p_entity_type, 63);
  perform syncwell._check_local_id('p_local_id', p_local_id, 200);
  perform syncwell._check_text('p_device_id', p_device_id, 255);
  select r.server_id, r.created into server_id, created
  from syncwell._resolve_local_ids(v_org_id, v_user_id, p_entity_type, array[p_local_id], p_device_id) as r;
end
$$;
comment on function syncwell.resolve_local_id(text, text, text, uuid) is
'The id here of what a device named itself, always the same, whoever of the user''s devices asks, how many at once and '
'after a reinstall: server_id, and created, whether this call made it. p_entity_type: what it is, 1 to 63 characters, '
'e.g. session; p_local_id: its name, any text of 1 to 200 characters, e.g. IHHT_1736300000_ab12; p_device_id: kept '
'with a new one; p_user_id: whose it is, the caller by default. Errors: SW001, SW002, 22004 (an argument or the user '
'is missing), 22023 (empty), 22001 (too long), 40001 in a REPEATABLE READ transaction that began before somebody else '
'named the same.';
revoke all on function syncwell.resolve_local_id(text, text, text, uuid) from public;
grant execute on function syncwell.resolve_local_id(text, text, text, uuid) to syncwell_client, syncwell_worker;
