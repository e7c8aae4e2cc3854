create or replace function syncwell._merge_sessions(
  p_org_id uuid,
  p_user_id uuid,
  p_kept_id uuid,
  p_removed_id uuid,
  p_reason text,
  p_now timestamptz
)
returns syncwell.session_merges
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_merge syncwell.session_merges;
  v_kept syncwell.sync_sessions;
  v_removed syncwell.sync_sessions;
  v_counts syncwell.session_counts[];
begin
  select s.* into strict v_kept
  from syncwell.sync_sessions as s
  where s.org_id = p_org_id and s.session_id = p_kept_id
  for update;
  select s.* into v_removed
  from syncwell.sync_sessions as s
  where s.org_id = p_org_id and s.session_id = p_removed_id
  for update;
  v_counts := array(
    select c from syncwell.session_counts as c where c.org_id = p_org_id and c.session_id in (p_kept_id, p_removed_id)
  );
  -- one after the other, also where the clock stands still: the last is reverted first
  select greatest(p_now, max(m.merged_at) + interval '1 microsecond')
  into v_merge.merged_at
  from syncwell.session_merges as m
  where m.org_id = p_org_id and m.user_id = p_user_id;
  v_merge.merge_id := syncwell._uuid7(v_merge.merged_at);
  insert into syncwell.session_merges (
    org_id, merge_id, user_id, kept_id, removed_id, reason, kept_before, kept_after, removed_session, moved, merged_at
  )
  values (
    p_org_id, v_merge.merge_id, p_user_id, p_kept_id, p_removed_id, p_reason, to_jsonb(v_kept), to_jsonb(v_kept),
    case when v_removed.session_id is not null then to_jsonb(v_removed) end, 0, v_merge.merged_at
  );
  insert into syncwell.session_merge_moves (org_id, merge_id, user_id, table_name, row_key, row_before)
  select p_org_id, v_merge.merge_id, p_user_id, 'session_counts', c.session_id || ' ' || c.kind, to_jsonb(c)
  from unnest(v_counts) as c;

  v_merge.moved := syncwell._move_records(p_org_id, v_merge.merge_id, p_kept_id, p_removed_id, v_counts)
    + syncwell._move_names(p_org_id, v_merge.merge_id, p_kept_id, p_removed_id);
  delete from syncwell.sync_sessions as s where s.org_id = p_org_id and s.session_id = p_removed_id;
  delete from syncwell.session_counts as c where c.org_id = p_org_id and c.session_id = p_removed_id;
  perform syncwell._recount_session(p_org_id, p_kept_id, null, v_counts);

  v_kept := syncwell._merged_session(
    v_kept, v_removed, syncwell._setting(p_org_id, 'ingest.session_source'), p_now
  );
  perform syncwell._put_session(v_kept);
  update syncwell.session_merges as m
  set kept_after = to_jsonb(v_kept), moved = v_merge.moved
  where m.org_id = p_org_id and m.merge_id = v_merge.merge_id
  returning m.* into v_merge;
  return v_merge;
end
$$;
comment on function syncwell._merge_sessions(uuid, uuid, uuid, uuid, text, timestamptz) is
'Lets one session of a user go into another, with its records, events and local ids, each logged; of two records of a '
'kind and time the one written later stays. Nobody may write into either meanwhile (_lock_sessions()).';
revoke all on function syncwell._merge_sessions(uuid, uuid, uuid, uuid, text, timestamptz) from public;
