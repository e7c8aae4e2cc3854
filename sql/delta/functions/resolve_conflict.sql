create or replace function syncwell.resolve_conflict(
  p_conflict_id uuid,
  p_choice text
)
returns json
language sql volatile security invoker
begin atomic
  -- the application's triggers find what they name by the caller's search_path
  select syncwell._resolve_conflict(p_conflict_id, p_choice, pg_catalog.current_setting('search_path'));
end;
comment on function syncwell.resolve_conflict(uuid, text) is
'Writes one of the two versions of the conflict p_conflict_id, p_choice client or server, over what is there now (or '
'deletes it, where that version is a deletion), under the caller''s own rights on the table, and notes who chose '
'what. A user may choose in its own conflicts, admins and services in those of their org: both versions are as the '
'session of the device gave them, so look at them first. Choosing the same again changes nothing. Returns {"success": '
'true, "choice", "changed"}. Errors: SW001; SW309 for an unknown conflict or somebody else''s; SW301 where the table '
'is not registered any more; 22023; 42501 where the table''s policies forbid it; what the table raises.';
revoke all on function syncwell.resolve_conflict(uuid, text) from public;
grant execute on function syncwell.resolve_conflict(uuid, text) to syncwell_client, syncwell_worker;
