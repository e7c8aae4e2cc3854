create or replace function syncwell.get_session_merges(
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  merge_id uuid,
  user_id uuid,
  kept_id uuid,
  removed_id uuid,
  reason text,
  moved bigint,
  merged_at timestamptz,
  reverted_at timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_user_id uuid;
begin
  perform syncwell._check_limit(p_limit);
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  perform syncwell._note_access('get_session_merges', p_user_id);
  v_user_id := coalesce(p_user_id, case when not v_caller.sees_org then v_caller.user_id end);
  return query
  select m.merge_id, m.user_id, m.kept_id, m.removed_id, m.reason, m.moved, m.merged_at, m.reverted_at
  from syncwell.session_merges as m
  where m.org_id = v_caller.org_id and (v_user_id is null or m.user_id = v_user_id)
  order by m.merge_id desc
  limit p_limit;
end
$$;
comment on function syncwell.get_session_merges(integer, uuid) is
'Which sessions were merged, the newest first, p_limit (1 to 1000) of them; of p_user_id (NULL: everything the caller '
'may see). moved: how many records, events and local ids; reverted_at NULL: the merge stands. Asking about another '
'user is written to the access log. Errors: SW001, SW002, 22004, 22023, 25006.';
revoke all on function syncwell.get_session_merges(integer, uuid) from public;
grant execute on function syncwell.get_session_merges(integer, uuid) to syncwell_client, syncwell_reader;
