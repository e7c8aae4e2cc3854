create or replace function syncwell._restore_names(p_merge syncwell.session_merges)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_restored bigint;
  v_count bigint;
begin
  update syncwell.local_ids as l
  set server_id = p_merge.removed_id
  from syncwell.session_merge_moves as m
  where m.org_id = p_merge.org_id
    and m.merge_id = p_merge.merge_id
    and m.table_name = 'local_ids'
    and l.org_id = p_merge.org_id
    and l.user_id = m.user_id
    and l.entity_type = 'session'
    and l.local_id = m.row_key
    and l.server_id = p_merge.kept_id;
  get diagnostics v_restored = row_count;
  update syncwell.data_events as e
  set session_id = p_merge.removed_id
  from syncwell.session_merge_moves as m
  where m.org_id = p_merge.org_id
    and m.merge_id = p_merge.merge_id
    and m.table_name = 'data_events'
    and e.org_id = p_merge.org_id
    and e.id = m.row_key::uuid
    and e.session_id = p_merge.kept_id;
  get diagnostics v_count = row_count;
  return v_restored + v_count;
end
$$;
comment on function syncwell._restore_names(syncwell.session_merges) is
'The part of revert_session_merge() that puts back local ids and events, and returns how many.';
revoke all on function syncwell._restore_names(syncwell.session_merges) from public;
