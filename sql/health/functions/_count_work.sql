create or replace function syncwell._count_work(
  p_org_id uuid,
  p_now timestamptz
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- the queue grows and shrinks more quickly than its statistics follow
set plan_cache_mode = force_custom_plan
as $$
declare
  v_moved bigint;
begin
  with waiting as (
    select
      coalesce(q.user_id, p_org_id) as owner,
      q.source,
      count(*) as depth,
      min(q.run_at) filter (where q.blockers = 0 and q.run_at <= p_now) as oldest_at
    from syncwell.sync_queue as q
    where q.org_id = p_org_id and q.status <> 'dead'
    group by coalesce(q.user_id, p_org_id), q.source
  )
  insert into syncwell.stream_states as x (
    org_id, stream_id, user_id, source, work_depth, work_oldest_at, work_counted_at
  )
  select s.org_id, s.stream_id, s.user_id, s.source, coalesce(w.depth, 0), w.oldest_at, p_now
  from syncwell.streams as s
  left join syncwell.stream_states as t on t.org_id = s.org_id and t.stream_id = s.stream_id
  left join waiting as w on w.source = s.source and w.owner = coalesce(s.user_id, p_org_id)
  where s.org_id = p_org_id
    and s.retired_at is null
    -- what was done is known to be gone; where there never was anything, nothing is known
    and (w.depth, w.oldest_at) is distinct from (t.work_depth, t.work_oldest_at)
    and (w.depth is not null or t.work_depth > 0)
  order by s.stream_id
  on conflict (org_id, stream_id) do update
  set work_depth = excluded.work_depth, work_oldest_at = excluded.work_oldest_at, work_counted_at = p_now;
  get diagnostics v_moved = row_count;
  return v_moved;
end
$$;
comment on function syncwell._count_work(uuid, timestamptz) is
'Notes for each stream of an org what waits for it in sync_queue: operations of its source and user that are not done '
'and not dead, and since when the oldest of those that are ready could have been done. Returns how many streams have '
'changed.';
revoke all on function syncwell._count_work(uuid, timestamptz) from public;
