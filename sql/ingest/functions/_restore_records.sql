create or replace function syncwell._restore_records(p_merge syncwell.session_merges)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_restored bigint;
  v_count bigint;
begin
  update syncwell.session_records as r
  set session_id = p_merge.removed_id, id = b.id
  from syncwell.session_merge_moves as m
  cross join lateral jsonb_populate_record(null::syncwell.session_records, m.row_before) as b
  where m.org_id = p_merge.org_id
    and m.merge_id = p_merge.merge_id
    and m.table_name = 'session_records'
    and m.kept_before is null
    and r.org_id = p_merge.org_id
    and r.id = syncwell._record_id(p_merge.kept_id, b.kind, b.occurred_at);
  get diagnostics v_restored = row_count;

  -- of two the one that had to give way comes back; the other as it was, unless a newer version has come
  update syncwell.session_records as r
  set
    data_source = k.data_source,
    spo2 = k.spo2,
    heart_rate = k.heart_rate,
    payload = k.payload,
    local_id = k.local_id,
    written_at = k.written_at,
    ahead_at = k.ahead_at,
    settled = k.settled,
    received_at = k.received_at
  from syncwell.session_merge_moves as m
  cross join lateral jsonb_populate_record(null::syncwell.session_records, m.row_before) as b
  cross join lateral jsonb_populate_record(null::syncwell.session_records, m.kept_before) as k
  where m.org_id = p_merge.org_id
    and m.merge_id = p_merge.merge_id
    and m.table_name = 'session_records'
    and m.kept_before is not null
    and r.org_id = p_merge.org_id
    and r.id = k.id
    and case
      when (b.written_at, b.received_at) > (k.written_at, k.received_at)
        then (r.written_at, r.received_at) = (b.written_at, b.received_at)
      else (r.written_at, r.received_at) = (k.written_at, k.received_at)
    end;
  insert into syncwell.session_records
  select b.*
  from syncwell.session_merge_moves as m
  cross join lateral jsonb_populate_record(null::syncwell.session_records, m.row_before) as b
  where m.org_id = p_merge.org_id
    and m.merge_id = p_merge.merge_id
    and m.table_name = 'session_records'
    and m.kept_before is not null
  on conflict (org_id, id) do nothing;
  get diagnostics v_count = row_count;
  return v_restored + v_count;
end
$$;
comment on function syncwell._restore_records(syncwell.session_merges) is
'The part of revert_session_merge() that puts back the records, and returns how many.';
revoke all on function syncwell._restore_records(syncwell.session_merges) from public;
