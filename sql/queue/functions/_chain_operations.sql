create or replace function syncwell._chain_operations(
  p_org_id uuid,
  p_operations syncwell.sync_queue[],
  p_ids uuid[],
  p_requests syncwell.queue_request[],
  p_hashes uuid[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  v_waiting uuid[];
  v_blockers uuid[];
  v_needs boolean[];
  v_locked tid[];
begin
  if not exists (
    select from unnest(p_requests) as r
    where r.ordering_key is not null or r.depends_on <> '{}' or r.dedup_mode in ('replace', 'merge')
  ) then
    return;
  end if;

  with new_ones as materialized (
    select o.id, o.place, o.user_id, o.ordering_key, o.order_hash, o.dedup_hash, o.dedup_mode
    from unnest(p_operations) with ordinality as o
    join unnest(p_ids) with ordinality as i (id, at) on i.at = o.ordinality and i.id = o.id
  ),
  needed as (
    select n.id, syncwell._successor(p_org_id, d.id) as blocker_id
    from unnest(p_requests) with ordinality as r
    cross join lateral unnest(r.depends_on) as d (id)
    join unnest(p_hashes) with ordinality as h (hash, at) on h.at = r.ordinality
    join new_ones as n on n.dedup_hash = h.hash
  ),
  wanted as (
    select n.id, n.blocker_id, true as needs_success from needed as n
    union
    -- the one before in the same row of operations: sent with it, else the last that is there
    select
      n.id,
      coalesce(
        lag(n.id) over (partition by n.user_id, n.ordering_key order by n.place),
        (
          select q.id
          from syncwell.sync_queue as q
          where q.org_id = p_org_id
            and q.order_hash = n.order_hash
            -- a hash can be forged
            and q.user_id is not distinct from n.user_id
            and q.ordering_key = n.ordering_key
            and q.status <> 'dead'
            and q.place < n.place
            and q.id not in (select m.id from new_ones as m)
          order by q.place desc
          limit 1
        )
      ),
      false
    from new_ones as n
    where n.order_hash is not null
    union
    select n.id, q.id, false
    from new_ones as n
    -- one probe each, whatever the planner thinks of the table
    cross join lateral (
      select p.id
      from syncwell.sync_queue as p
      where p.org_id = p_org_id
        and p.dedup_hash = n.dedup_hash
        and p.status = 'processing'
        and p.dedup_mode in ('replace', 'merge')
      offset 0
    ) as q
    where n.dedup_mode in ('replace', 'merge')
  ),
  distinct_ones as (
    select w.id, w.blocker_id, bool_or(w.needs_success) as needs_success
    from wanted as w
    where w.blocker_id is not null
    group by w.id, w.blocker_id
  )
  select array_agg(d.id), array_agg(d.blocker_id), array_agg(d.needs_success)
  into v_waiting, v_blockers, v_needs
  from distinct_ones as d;
  if v_waiting is null then
    return;
  end if;

  -- whoever ends a blocker waits here, and then sees who waits for it; who is gone blocks nobody
  v_locked := syncwell._lock_operations(p_org_id, v_blockers);
  select array_agg(w.id), array_agg(w.blocker_id), array_agg(w.needs_success)
  into v_waiting, v_blockers, v_needs
  from unnest(v_waiting, v_blockers, v_needs) as w (id, blocker_id, needs_success)
  join syncwell.sync_queue as q on q.id = w.blocker_id
  where q.ctid = any(v_locked) and (q.status <> 'dead' or w.needs_success);
  if v_waiting is null then
    return;
  end if;

  insert into syncwell.queue_dependencies (org_id, blocker_id, waiting_id, needs_success)
  select p_org_id, w.blocker_id, w.id, w.needs_success
  from unnest(v_waiting, v_blockers, v_needs) as w (id, blocker_id, needs_success);
  update syncwell.sync_queue as q
  set is_waited_for = true
  where q.ctid = any(v_locked) and q.id = any(v_blockers) and not q.is_waited_for;
  -- those that are sent together wait for each other, and have just been written
  v_locked := syncwell._lock_operations(p_org_id, v_waiting);
  update syncwell.sync_queue as q
  set blockers = c.blockers
  from (select w.id, count(*) as blockers from unnest(v_waiting) as w (id) group by w.id) as c
  where q.ctid = any(v_locked) and q.id = c.id;
end
$$;
comment on function
syncwell._chain_operations(uuid, syncwell.sync_queue[], uuid[], syncwell.queue_request[], uuid[]) is
'Notes for what newly written operations wait: what they depend on, the one before in their order, a twin that is '
'being processed. What has ended meanwhile blocks nobody.';
revoke all on function
syncwell._chain_operations(uuid, syncwell.sync_queue[], uuid[], syncwell.queue_request[], uuid[]) from public;
