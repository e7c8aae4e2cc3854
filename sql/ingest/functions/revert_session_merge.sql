create or replace function syncwell.revert_session_merge(p_merge_id uuid)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
  v_merge syncwell.session_merges;
  v_later uuid;
  v_restored bigint;
begin
  if p_merge_id is null then
    raise exception using
      errcode = '22004',
      message = 'a merge is needed',
      detail = 'p_merge_id is NULL.',
      hint = 'get_session_merges() lists them.';
  end if;
  v_org_id := syncwell._may_merge_sessions();
  select m.* into v_merge
  from syncwell.session_merges as m
  where m.merge_id = p_merge_id and (v_org_id is null or m.org_id = v_org_id);
  if found then
    perform syncwell._lock_sessions(v_merge.org_id, v_merge.user_id, true);
    -- somebody else may have reverted it meanwhile
    select m.* into v_merge
    from syncwell.session_merges as m
    where m.org_id = v_merge.org_id and m.merge_id = p_merge_id and m.reverted_at is null
    for update;
  end if;
  if v_merge.merge_id is null then
    raise exception using
      errcode = 'SW504',
      message = 'unknown merge',
      detail = format('There is no merge %s that stands.', p_merge_id),
      hint = 'get_session_merges() lists them.';
  end if;
  select m.merge_id into v_later
  from syncwell.session_merges as m
  where m.org_id = v_merge.org_id
    and m.user_id = v_merge.user_id
    and m.reverted_at is null
    and (m.removed_id = v_merge.kept_id or m.kept_id = v_merge.kept_id)
    and m.merged_at > v_merge.merged_at
  order by m.merged_at desc
  limit 1;
  if found then
    raise exception using
      errcode = 'SW505',
      message = 'the merge can not be reverted yet',
      detail = format('The session that was kept was merged on since, by %s.', v_later),
      hint = 'Revert that one first.';
  end if;

  v_restored := syncwell._restore_records(v_merge) + syncwell._restore_names(v_merge);
  perform syncwell._restore_session(v_merge);
  perform syncwell._restore_counts(v_merge);
  update syncwell.session_merges as m
  set reverted_at = syncwell._now()
  where m.org_id = v_merge.org_id and m.merge_id = p_merge_id;
  return v_restored;
end
$$;
comment on function syncwell.revert_session_merge(uuid) is
'Undoes p_merge_id, a merge of merge_duplicate_sessions(), from its log: both sessions are as they were, with their '
'records, events and local ids; what arrived since stays with the one that was kept. Merges of the same session are '
'reverted in turn, the last first. Returns how many rows went back. The two are not taken for one again, unless asked '
'with p_again. For admins, services and operators. Errors: SW001, SW504 (unknown, foreign or reverted), SW505 (merged '
'on since), 22004, 40001, 42501.';
revoke all on function syncwell.revert_session_merge(uuid) from public;
grant execute on function syncwell.revert_session_merge(uuid)
to syncwell_client, syncwell_worker, syncwell_operator;
