create or replace function syncwell._enqueue(
  p_org_id uuid,
  p_requests syncwell.queue_request[]
)
returns table (
  place integer,
  operation_id uuid,
  deduplicated boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- its arrays look larger than they are, and compiling takes longer than all it does
set jit = off
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  -- one operation for all requests that are twins, in the order of their hashes: so that batches that meet never wait
  -- for each other in a circle
  v_operations syncwell.sync_queue[];
  v_hashes uuid[];
  v_left syncwell.sync_queue[];
  v_written uuid[] := array[]::uuid[];
  v_ids uuid[];
  v_tries integer := 0;
begin
  perform syncwell._make_lanes(p_org_id, p_requests);
  -- whoever joins a row of operations must see the end of it, and have its place behind that
  perform syncwell._lock_queue(
    p_org_id, 'order', array(
      select syncwell._order_hash(r.user_id, r.ordering_key)
      from unnest(p_requests) as r
      where r.ordering_key is not null
    )
  );
  with requests as materialized (
    select
      r.*,
      i.id,
      i.number,
      syncwell._dedup_hash(i.id, r.user_id, r.operation_type, r.payload, r.dedup_key, r.dedup_mode) as hash
    from unnest(p_requests) as r
    cross join lateral (
      select syncwell._uuid7(v_now) as id, nextval('syncwell.sync_queue_places') as number
      where r.place is not null
    ) as i
  ),
  -- of twins that are ignored the first counts, of others the last
  ranked as materialized (
    select
      r.*,
      row_number() over (
        partition by r.hash
        order by r.dedup_mode in ('replace', 'merge') desc,
          case when r.dedup_mode in ('replace', 'merge') then -r.place else r.place end
      ) as rank
    from requests as r
  ),
  merged as (
    select r.hash, jsonb_object_agg(e.key, e.value order by r.place) as payload
    from requests as r
    cross join lateral jsonb_each(r.payload) as e
    where r.dedup_mode = 'merge'
    group by r.hash
  )
  select
    array_agg(
      row(
        p_org_id, r.id, r.number, r.user_id, r.source, r.operation_type,
        case r.dedup_mode when 'merge' then coalesce(m.payload, r.payload) else r.payload end,
        r.dedup_key, r.hash, r.dedup_mode, r.priority, l.lane, 'pending', coalesce(r.run_at, v_now), 0, false, 0,
        r.max_attempts, r.ordering_key, syncwell._order_hash(r.user_id, r.ordering_key), v_now,
        null, null, null, null, null, null, null, null, r.platform, r.device_id
      )::syncwell.sync_queue
      order by r.hash
    ) filter (where r.rank = 1),
    array_agg(r.hash order by r.place)
  into v_operations, v_hashes
  from ranked as r
  left join syncwell.queue_lanes as l on l.org_id = p_org_id and l.source = r.source and l.priority = r.priority
  left join merged as m on m.hash = r.hash;
  if v_operations is null then
    return;
  end if;

  perform syncwell._lock_twins(
    p_org_id, array(select o.dedup_hash from unnest(v_operations) as o where o.dedup_mode in ('replace', 'merge'))
  );
  v_left := v_operations;
  loop
    -- an operation that would be ignored gives way to one that replaces
    update syncwell.sync_queue as q
    set dedup_mode = 'replace'
    from unnest(v_left) as o
    -- one probe each, whatever the planner thinks of the table
    cross join lateral (
      select t.ctid as tid
      from syncwell.sync_queue as t
      where t.org_id = p_org_id
        and t.dedup_hash = o.dedup_hash
        and t.status = 'processing'
        and t.dedup_mode = 'ignore'
      limit 1
    ) as t
    where o.dedup_mode in ('replace', 'merge') and q.ctid = t.tid and q.status = 'processing';

    with ignoring as (
      insert into syncwell.sync_queue as q
      select o.* from unnest(v_left) as o where o.dedup_mode in ('ignore', 'none') order by o.dedup_hash
      on conflict (org_id, dedup_hash) where status = 'pending' or (status = 'processing' and dedup_mode = 'ignore')
      do nothing
      returning q.id
    ),
    replacing as (
      insert into syncwell.sync_queue as q
      select o.* from unnest(v_left) as o where o.dedup_mode in ('replace', 'merge') order by o.dedup_hash
      on conflict (org_id, dedup_hash) where status = 'pending' or (status = 'processing' and dedup_mode = 'ignore')
      do update
      set
        payload = case
          when excluded.dedup_mode = 'merge' and jsonb_typeof(q.payload) = 'object' then q.payload || excluded.payload
          else excluded.payload
        end,
        dedup_mode = excluded.dedup_mode,
        priority = greatest(q.priority, excluded.priority),
        lane = case
          when excluded.priority > q.priority then syncwell._lane(p_org_id, q.source, excluded.priority) else q.lane
        end,
        run_at = excluded.run_at,
        platform = coalesce(excluded.platform, q.platform),
        device_id = coalesce(excluded.device_id, q.device_id)
      where q.status = 'pending'
      returning q.id
    )
    select v_written || coalesce(array_agg(w.id), '{}')
    into v_written
    from (select i.id from ignoring as i union all select r.id from replacing as r) as w;

    -- which row stands for each operation; NULL: the twin that it met is done by now, so it is sent again
    select
      array_agg(coalesce(w.id, t.id) order by o.dedup_hash),
      array_agg(o order by o.dedup_hash) filter (where w.id is null and t.id is null)
    into v_ids, v_left
    from unnest(v_operations) as o
    left join unnest(v_written) as w (id) on w.id = o.id
    -- one probe each, whatever the planner thinks of the table
    left join lateral (
      select q.id
      from syncwell.sync_queue as q
      where q.org_id = p_org_id
        and q.dedup_hash = o.dedup_hash
        and (
          q.status = 'pending'
          or (q.status = 'processing' and q.dedup_mode = 'ignore' and o.dedup_mode in ('ignore', 'none'))
        )
      limit 1
    ) as t on true;
    exit when v_left is null;
    v_tries := v_tries + 1;
    if v_tries > 20 then
      raise exception using
        errcode = '40001',
        message = 'the same operations come and go too quickly',
        detail = format('%s operations met twins that were gone a moment later.', cardinality(v_left)),
        hint = 'Send them again, in a READ COMMITTED transaction.';
    end if;
  end loop;

  perform syncwell._chain_operations(p_org_id, v_operations, v_ids, p_requests, v_hashes);
  if exists (select from syncwell.queue_defaults as d where d.org_id = p_org_id and d.notifies) then
    perform pg_notify('syncwell_queue', '');
  end if;

  return query
  select
    r.place,
    t.id,
    o.id <> t.id or row_number() over (partition by t.id order by r.place) > 1
  from unnest(p_requests) with ordinality as r
  join unnest(v_hashes) with ordinality as h (hash, at) on h.at = r.ordinality
  join unnest(v_operations) with ordinality as o on o.dedup_hash = h.hash
  join unnest(v_ids) with ordinality as t (id, at) on t.at = o.ordinality
  order by r.place;
end
$$;
comment on function syncwell._enqueue(uuid, syncwell.queue_request[]) is
'Puts checked operations, in the order of their place, into the queue of an org; deduplicated: a row that '
'was there, or an earlier request, stands for it. Exact under concurrency by the unique index sync_queue_twins. '
'Errors: 40001 where a twin that blocks it is not visible (REPEATABLE READ).';
revoke all on function syncwell._enqueue(uuid, syncwell.queue_request[]) from public;
