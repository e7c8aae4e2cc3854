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
-- few rows by their keys, whatever the arguments are: planning anew would cost more than the statements
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := syncwell._claim_org();
  v_user_id constant uuid := syncwell._claim_user();
  v_now constant timestamptz := syncwell._now();
  v_token constant uuid := gen_random_uuid();
  v_picked syncwell.sync_queue[];
begin
  perform syncwell._check_limit(p_limit);
  if p_lease is null then
    raise exception using
      errcode = '22004',
      message = 'a time for the lease is needed',
      detail = 'p_lease is NULL.',
      hint = 'Leave it out for a minute.';
  end if;
  perform syncwell._check_duration('p_lease', p_lease, '1 second', '1 day');
  perform syncwell._check_text('p_worker', p_worker, 200);

  if v_org_id is not null then
    v_picked := array(select p from syncwell._pick_operations(v_org_id, v_user_id, p_source, p_limit, v_now) as p);
  else
    v_picked := array(
      select p
      from syncwell._ready_orgs(p_source, p_limit, v_now) as o
      cross join lateral syncwell._pick_operations(o.org_id, null, p_source, o.share, v_now) as p
    );
  end if;
  perform syncwell._bury_operation(p, 'lease_expired')
  from unnest(v_picked) as p
  where p.attempts >= p.max_attempts;

  return query
  with claimed as (
    update syncwell.sync_queue as q
    set
      status = 'processing',
      attempts = q.attempts + 1,
      claimed_at = v_now,
      run_at = v_now + p_lease,
      lease_token = v_token,
      lease_owner = p_worker
    from unnest(v_picked) as p
    where q.org_id = p.org_id and q.id = p.id and q.status <> 'dead'
    returning q.*
  )
  select
    c.org_id, c.user_id, c.id, c.operation_type, c.payload, c.source, c.priority, c.attempts, c.max_attempts,
    c.lease_token, c.run_at, c.enqueued_at, c.ordering_key, c.platform,
    case when c.device_id is not null then syncwell._redact(c.org_id, c.user_id, c.device_id) end
  from claimed as c
  order by c.priority desc, c.enqueued_at, c.id;
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
