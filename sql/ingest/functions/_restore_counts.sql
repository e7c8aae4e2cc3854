create or replace function syncwell._restore_counts(p_merge syncwell.session_merges)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_before syncwell.session_counts[];
  v_after syncwell.session_counts[];
  v_anew text[];
begin
  v_before := array(
    select jsonb_populate_record(null::syncwell.session_counts, m.row_before)
    from syncwell.session_merge_moves as m
    where m.org_id = p_merge.org_id and m.merge_id = p_merge.merge_id and m.table_name = 'session_counts'
  );
  -- of which kinds something has arrived since; the others were counted before
  select
    array_agg(a),
    array_agg(a.kind) filter (
      where a.last_received_at is distinct from (
        select max(b.last_received_at) from unnest(v_before) as b where b.kind = a.kind
      )
    )
  into v_after, v_anew
  from syncwell.session_counts as a
  where a.org_id = p_merge.org_id and a.session_id = p_merge.kept_id;
  v_anew := coalesce(v_anew, array[]::text[]);

  delete from syncwell.session_counts as c
  where c.org_id = p_merge.org_id and c.session_id = p_merge.kept_id and c.kind <> all(v_anew);
  insert into syncwell.session_counts select b.* from unnest(v_before) as b where b.kind <> all(v_anew);
  if v_anew = '{}' then
    return;
  end if;

  perform syncwell._recount_session(
    p_merge.org_id, p_merge.removed_id, v_anew,
    array(select b from unnest(v_before) as b where b.session_id = p_merge.removed_id and b.kind = any(v_anew))
  );
  perform syncwell._recount_session(
    p_merge.org_id, p_merge.kept_id, v_anew,
    array(
      select jsonb_populate_record(
        a,
        jsonb_build_object(
          'late_records', greatest(a.late_records - coalesce(r.late_records, 0), 0),
          'first_received_at', coalesce(k.first_received_at, a.last_received_at)
        )
      )
      from unnest(v_after) as a
      left join unnest(v_before) as r on r.session_id = p_merge.removed_id and r.kind = a.kind
      left join unnest(v_before) as k on k.session_id = p_merge.kept_id and k.kind = a.kind
      where a.kind = any(v_anew)
    )
  );
end
$$;
comment on function syncwell._restore_counts(syncwell.session_merges) is
'The part of revert_session_merge() that puts back the counts of both sessions, once their records are: as they were, '
'or counted anew for kinds of which something has arrived since.';
revoke all on function syncwell._restore_counts(syncwell.session_merges) from public;
