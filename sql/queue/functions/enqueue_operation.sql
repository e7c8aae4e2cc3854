create or replace function syncwell.enqueue_operation(
  p_operation_type text,
  p_payload jsonb default null,
  p_source text default null,
  p_dedup_key text default null,
  p_mode text default 'ignore',
  p_priority integer default 5,
  p_run_at timestamptz default null,
  p_max_attempts integer default null,
  p_ordering_key text default null,
  p_depends_on uuid[] default null,
  p_platform text default null,
  p_device_id text default null,
  p_user_id uuid default null,
  out operation_id uuid,
  out deduplicated boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- few rows by their keys, whatever the arguments are, and however small the table is when they are planned: planned
-- once a session, they must do when it has grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  v_caller constant record := syncwell._caller();
  v_org_id constant uuid := v_caller.org_id;
  v_user_id constant uuid := case
    when p_user_id is null then v_caller.user_id else syncwell._target_user(p_user_id)
  end;
  v_now constant timestamptz := syncwell._now();
  v_id constant uuid := syncwell._uuid7(v_now);
begin
  -- The hot path, one statement: what is plainly right, waits for nothing and changes no other. What it leaves out, and
  -- what meets a twin, goes the long way.
  insert into syncwell.sync_queue (
    org_id, id, user_id, source, operation_type, payload, dedup_key, dedup_hash, dedup_mode, priority, lane, run_at,
    max_attempts, enqueued_at, platform, device_id
  )
  select
    v_org_id, v_id, v_user_id, coalesce(p_source, d.source), p_operation_type, coalesce(p_payload, '{}'), p_dedup_key,
    syncwell._dedup_hash(v_id, v_user_id, p_operation_type, coalesce(p_payload, '{}'), p_dedup_key, p_mode),
    p_mode, p_priority, l.lane, coalesce(p_run_at, v_now), coalesce(p_max_attempts, d.max_attempts), v_now, p_platform,
    case when p_device_id is not null then syncwell._redact(v_org_id, v_user_id, p_device_id) end
  from syncwell.queue_defaults as d
  inner join syncwell.queue_lanes as l
    on l.org_id = d.org_id and l.source = coalesce(p_source, d.source) and l.priority = p_priority
  where d.org_id = v_org_id
    and not d.varies
    and octet_length(coalesce(p_payload, '{}')::text) <= d.max_payload
    -- looked at closely only where there is more than a type, a payload and a source: each operator costs as much
    -- as a column
    and (
      (
        p_mode = 'ignore' and p_priority = 5 and p_operation_type ~ '^.{1,100}$'
        and (p_source is null or p_source ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$')
        and num_nonnulls(
          p_dedup_key, p_run_at, p_max_attempts, p_ordering_key, p_depends_on, p_platform, p_device_id
        ) = 0
      )
      or syncwell._is_plain_operation(
        p_operation_type, coalesce(p_source, d.source), p_dedup_key, p_mode, p_priority, p_run_at, p_max_attempts,
        p_ordering_key, p_depends_on, p_platform, p_device_id
      )
    )
    and (not d.notifies or pg_notify('syncwell_queue', '') is not null)
  on conflict (org_id, dedup_hash) where status = 'pending' or (status = 'processing' and dedup_mode = 'ignore')
  do nothing;
  if found then
    operation_id := v_id;
    deduplicated := false;
    return;
  end if;

  select e.operation_id, e.deduplicated
  into operation_id, deduplicated
  from syncwell._enqueue_one(
    v_org_id, v_user_id, p_operation_type, p_payload, p_source, p_dedup_key, p_mode, p_priority, p_run_at,
    p_max_attempts, p_ordering_key, p_depends_on, p_platform, p_device_id
  ) as e;
end
$$;
comment on function syncwell.enqueue_operation(
  text, jsonb, text, text, text, integer, timestamptz, integer, text, uuid[], text, text, uuid
) is
'Puts an operation into the queue, once: the same operation of the same user that is not done yet stands for it '
'(deduplicated), however many send it at the same time. The same: p_operation_type (1 to 100 characters) and '
'p_dedup_key, or without a key p_payload, in any order of keys, 1.0 = 1. p_mode ignore (default): nothing else '
'happens, also while that one is being processed; replace: p_payload takes the place of the waiting one''s, merge: its '
'keys do; if that one is being processed already, the new one waits behind it (both need a p_dedup_key); none: it is '
'always another one. p_payload: at most setting queue.max_payload bytes; p_source: default setting queue.source; '
'p_priority: 0 to 9 (default 5), higher first; p_run_at: not before (NULL: at once); p_max_attempts: 1 '
'to 100, default setting queue.max_attempts; p_ordering_key: operations of one user with this key are done one after '
'the other; p_depends_on: ids of at most 100 operations that must have been done; p_platform: android, ios, web, '
'server, other; p_device_id: at most 255 characters, kept by consent; p_user_id: for whom (admins and services), NULL: '
'the caller, for a service the org itself. Errors: SW001, SW002, SW401 (p_depends_on), SW403 (payload too large), '
'22023 for anything else not understood, 40001.';
revoke all on function syncwell.enqueue_operation(
  text, jsonb, text, text, text, integer, timestamptz, integer, text, uuid[], text, text, uuid
) from public;
grant execute on function syncwell.enqueue_operation(
  text, jsonb, text, text, text, integer, timestamptz, integer, text, uuid[], text, text, uuid
) to syncwell_client, syncwell_worker;
