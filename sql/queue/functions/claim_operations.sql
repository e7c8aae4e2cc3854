create or replace function syncwell.claim_operations(
  p_limit integer default 10,
  p_lease interval default '1 minute',
  p_source text default null,
  p_worker text default null
)
returns table (
  org_id uuid,
  user_id uuid,
  operation_id uuid,
  operation_type text,
  payload jsonb,
  source text,
  priority smallint,
  attempt integer,
  max_attempts integer,
  lease_token uuid,
  lease_until timestamptz,
  enqueued_at timestamptz,
  ordering_key text,
  platform text,
  device_id text
)
language plpgsql volatile security definer rows 10
set search_path = pg_catalog, pg_temp
-- few rows by their keys, whatever the arguments are, and however small the table is when they are planned: planned
-- once a session, they must do when it has grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_scope constant record := syncwell._claim_scope();
  v_now constant timestamptz := syncwell._now();
  v_token constant uuid := gen_random_uuid();
  v_orgs uuid[] := array[v_scope.org_id];
  v_shares integer[] := array[p_limit];
  v_claimed integer;
begin
  if (p_limit between 1 and 1000 and p_lease between '1 second' and '1 day' and p_worker is null) is not true then
    perform syncwell._check_claim(p_limit, p_lease, p_worker);
  end if;
  if v_scope.org_id is null then
    select array_agg(o.org_id), array_agg(o.share)
    into v_orgs, v_shares
    from syncwell._ready_orgs(p_source, p_limit, v_now) as o;
  end if;

  for i in 1..coalesce(cardinality(v_orgs), 0) loop
    return query
    with picked as materialized (
      select o.tid
      from (
        select l.lane
        from syncwell.queue_lanes as l
        where l.org_id = v_orgs[i] and (p_source is null or l.source = p_source)
        -- of the same priority no source is always first
        order by l.priority desc, random()
      ) as l
      cross join lateral (
        select q.ctid as tid
        from syncwell.sync_queue as q
        where q.lane = l.lane
          and q.org_id = v_orgs[i]
          and q.status <> 'dead'
          and q.blockers = 0
          and q.run_at <= v_now
          and (v_scope.user_id is null or q.user_id = v_scope.user_id)
        order by q.run_at
        limit v_shares[i]
        -- what others have locked
        for update skip locked
      ) as o
      limit v_shares[i]
    ),
    claimed as (
      update syncwell.sync_queue as q
      set
        status = 'processing',
        attempts = q.attempts + 1,
        claimed_at = v_now,
        run_at = v_now + p_lease,
        lease_token = v_token,
        lease_owner = p_worker
      from picked as p
      -- they are locked and stay where they are; by their ids the org's whole queue might be read for them
      where q.ctid = p.tid and q.attempts < q.max_attempts
      returning
        q.org_id, q.user_id, q.id, q.operation_type, q.payload, q.source, q.priority, q.attempts, q.max_attempts,
        q.lease_token, q.run_at, q.enqueued_at, q.ordering_key, q.platform, q.device_id
    )
    select
      c.org_id, c.user_id, c.id, c.operation_type, c.payload, c.source, c.priority, c.attempts, c.max_attempts,
      c.lease_token, c.run_at, c.enqueued_at, c.ordering_key, c.platform,
      case when c.device_id is not null then syncwell._redact(c.org_id, c.user_id, c.device_id) end
    from claimed as c
    order by c.priority desc, c.enqueued_at, c.id;
    get diagnostics v_claimed = row_count;
    -- there were not as many, or there were some whose last attempt's worker never came back
    if v_claimed < v_shares[i] then
      perform syncwell._bury_expired(v_orgs[i], v_scope.user_id, v_now);
    end if;
  end loop;
end
$$;
comment on function syncwell.claim_operations(integer, interval, text, text) is
'Hands out operations that may be done now, each to one caller only until lease_until: p_lease (1 s to 1 day) from '
'now, or as extend_lease() makes it; p_limit: 1 to 1000; p_source: only of this source; p_worker: how the worker calls '
'itself. Then complete_operations(), fail_operation() or release_operations() with lease_token. What is not ended by '
'then is handed out again, and is dead when that was its last attempt (attempt of max_attempts). Fair: each org''s '
'first, then each org''s second, and so on; within an org higher priorities first, then what has waited longest. Of '
'the caller''s org (a member or analyst: its own), or of all orgs for an operator and for a gateway that acts for '
'nobody: act for org_id to end them. Errors: SW001, 22001, 22004, 22023.';
revoke all on function syncwell.claim_operations(integer, interval, text, text) from public;
grant execute on function syncwell.claim_operations(integer, interval, text, text)
to syncwell_worker, syncwell_operator;
