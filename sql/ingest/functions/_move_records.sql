create or replace function syncwell._move_records(
  p_org_id uuid,
  p_merge_id uuid,
  p_kept_id uuid,
  p_removed_id uuid,
  p_counts syncwell.session_counts[]
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_from uuid;
  v_to uuid;
  v_moved bigint;
begin
  -- nobody looks into the partitions of other times
  select
    syncwell._uuid7_floor(min(c.first_at)), syncwell._uuid7_floor(max(c.last_at) + interval '1 millisecond')
  into v_from, v_to
  from unnest(p_counts) as c
  where c.session_id = p_removed_id;

  insert into syncwell.session_merge_moves (org_id, merge_id, user_id, table_name, row_key, row_before, kept_before)
  select
    p_org_id, p_merge_id, r.user_id, 'session_records', r.id::text,
    case
      when k.id is not null then to_jsonb(r)
      else jsonb_build_object('id', r.id, 'session_id', r.session_id, 'kind', r.kind, 'occurred_at', r.occurred_at)
    end,
    to_jsonb(k)
  from syncwell.session_records as r
  left join syncwell.session_records as k
    on k.org_id = p_org_id and k.id = syncwell._record_id(p_kept_id, r.kind, r.occurred_at)
  where r.org_id = p_org_id and r.session_id = p_removed_id and r.id >= v_from and r.id < v_to;
  get diagnostics v_moved = row_count;

  -- Of two the one written later, or received later, stays, and remembers the other: a resend of that changes nothing.
  update syncwell.session_records as s
  set
    data_source = w.data_source,
    spo2 = w.spo2,
    heart_rate = w.heart_rate,
    payload = w.payload,
    local_id = w.local_id,
    written_at = w.written_at,
    ahead_at = greatest(k.ahead_at, r.ahead_at),
    settled = syncwell._settled(
      w.settled, l.settled || array[syncwell._version_id(h.hash, l.written_at), syncwell._version_id(h.hash, l.ahead_at)]
    ),
    received_at = w.received_at
  from syncwell.session_merge_moves as m
  cross join lateral jsonb_populate_record(null::syncwell.session_records, m.row_before) as r
  cross join lateral jsonb_populate_record(null::syncwell.session_records, m.kept_before) as k
  cross join lateral (select (r.written_at, r.received_at) > (k.written_at, k.received_at) as is_newer) as o
  cross join lateral (select (case when o.is_newer then r else k end).*) as w
  cross join lateral (select (case when o.is_newer then k else r end).*) as l
  cross join lateral (
    select syncwell._record_hash(l.data_source, l.spo2, l.heart_rate, l.payload, l.local_id) as hash
  ) as h
  where m.org_id = p_org_id
    and m.merge_id = p_merge_id
    and m.table_name = 'session_records'
    and m.kept_before is not null
    and s.org_id = p_org_id
    and s.id = k.id
    and s.id >= v_from
    and s.id < v_to;
  delete from syncwell.session_records as r
  using syncwell.session_merge_moves as m
  where m.org_id = p_org_id
    and m.merge_id = p_merge_id
    and m.table_name = 'session_records'
    and m.kept_before is not null
    and r.org_id = p_org_id
    and r.id = m.row_key::uuid
    and r.id >= v_from
    and r.id < v_to;
  update syncwell.session_records as r
  set session_id = p_kept_id, id = syncwell._record_id(p_kept_id, r.kind, r.occurred_at)
  where r.org_id = p_org_id and r.session_id = p_removed_id and r.id >= v_from and r.id < v_to;
  return v_moved;
end
$$;
comment on function syncwell._move_records(uuid, uuid, uuid, uuid, syncwell.session_counts[]) is
'The part of _merge_sessions() that moves and logs the records; p_counts: what both sessions hold. Returns how many.';
revoke all on function syncwell._move_records(uuid, uuid, uuid, uuid, syncwell.session_counts[]) from public;
