create or replace function syncwell.find_duplicate_sessions(
  p_user_id uuid default null,
  p_limit integer default 100,
  p_again boolean default false
)
returns table (
  user_id uuid,
  kept_id uuid,
  removed_id uuid,
  reason text,
  evidence jsonb
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_users uuid[];
begin
  perform syncwell._check_limit(p_limit);
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  perform syncwell._note_access('find_duplicate_sessions', p_user_id);
  v_users := case
    when p_user_id is not null then array[p_user_id]
    when not v_caller.sees_org then array[v_caller.user_id]
  end;
  return query
  select d.user_id, d.kept_id, d.removed_id, d.reason, d.evidence
  from syncwell._session_pairs(
    v_caller.org_id, syncwell._session_candidates(v_caller.org_id, v_users), coalesce(p_again, false)
  ) as d
  order by d.user_id, d.kept_id
  limit p_limit;
end
$$;
comment on function syncwell.find_duplicate_sessions(uuid, integer, boolean) is
'Sessions that are one and the same, p_limit pairs (1 to 1000) of them; of p_user_id (NULL: everything the caller may '
'see). kept_id would be kept by merge_duplicate_sessions(), removed_id go into it: a session, or records that came '
'for one nobody started. reason, the surest first: same_local_id (they start within setting ingest.duplicate_within, '
'and their local ids differ by letter case, spaces or punctuation only), same_records (half of the readings of the '
'time they share are equal, in time and values), same_start (one has readings and the other was completed, or both '
'began within a second), same_time (records without a session, made while this was the only one of the user, for '
'longer than setting ingest.orphan_after). Two with readings that differ are never one. evidence: what each has, and '
'seconds between their starts. p_again: also those whose merge was reverted, which are two else. Each session is in '
'one pair at most; what is left shows once that is merged. Asking about another user is written to the access log. '
'Errors: SW001, SW002, 22004, 22023, 25006.';
revoke all on function syncwell.find_duplicate_sessions(uuid, integer, boolean) from public;
grant execute on function syncwell.find_duplicate_sessions(uuid, integer, boolean) to syncwell_client, syncwell_reader;
