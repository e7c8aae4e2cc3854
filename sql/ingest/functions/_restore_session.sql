create or replace function syncwell._restore_session(p_merge syncwell.session_merges)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now jsonb;
  v_restored jsonb;
begin
  if p_merge.removed_session is not null then
    insert into syncwell.sync_sessions
    select s.* from jsonb_populate_record(null::syncwell.sync_sessions, p_merge.removed_session) as s
    on conflict (org_id, session_id) do nothing;
  end if;
  select to_jsonb(s) into v_now
  from syncwell.sync_sessions as s
  where s.org_id = p_merge.org_id and s.session_id = p_merge.kept_id
  for update;
  -- what was told since stays
  select jsonb_object_agg(
    n.key, case when n.value = p_merge.kept_after -> n.key then coalesce(p_merge.kept_before -> n.key, n.value) else n.value end
  )
  into v_restored
  from jsonb_each(v_now) as n;
  if v_restored is not null then
    perform syncwell._put_session(jsonb_populate_record(null::syncwell.sync_sessions, v_restored));
  end if;
end
$$;
comment on function syncwell._restore_session(syncwell.session_merges) is
'The part of revert_session_merge() that puts back the rows of both sessions; what the kept one was told since stays.';
revoke all on function syncwell._restore_session(syncwell.session_merges) from public;
