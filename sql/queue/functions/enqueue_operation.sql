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
-- few rows by their keys, whatever the arguments are: planning anew would cost more than the statements
set plan_cache_mode = force_generic_plan
as $$
declare
  v_caller constant record := syncwell._caller();
  v_org_id constant uuid := v_caller.org_id;
  v_user_id constant uuid := case
    when p_user_id is null then v_caller.user_id else syncwell._target_user(p_user_id)
  end;
  v_defaults constant record := syncwell._queue_defaults(v_org_id);
  v_now constant timestamptz := syncwell._now();
  v_request syncwell.queue_request;
  v_fault text[];
begin
  v_request := row(
    0, v_user_id, coalesce(p_source, v_defaults.source), p_operation_type,
    coalesce(p_payload, '{}'), p_dedup_key, p_mode,
    case when p_priority between 0 and 9 then p_priority end, p_run_at,
    coalesce(p_max_attempts, v_defaults.max_attempts), p_ordering_key,
    coalesce(p_depends_on, '{}'), p_platform, syncwell._redact(v_org_id, v_user_id, p_device_id)
  );
  v_fault := coalesce(
    syncwell._operation_fault(v_request, v_defaults.max_payload),
    case when not syncwell._may_depend_on(v_org_id, v_user_id, v_request.depends_on)
      then array['SW401', 'it depends on an operation that is not there']
    end
  );
  if v_fault is not null then
    raise exception using
      errcode = v_fault[1],
      message = 'the operation was not taken',
      detail = v_fault[2],
      hint = 'See the comment on enqueue_operation() for what each argument may be.';
  end if;

  -- the hot path: one that waits for nothing and changes no other, and met no twin
  if p_mode in ('ignore', 'none') and p_ordering_key is null and v_request.depends_on = '{}' then
    operation_id := syncwell._uuid7(v_now);
    insert into syncwell.sync_queue (
      org_id, id, user_id, source, operation_type, payload, dedup_key, dedup_hash, dedup_mode, priority, run_at,
      max_attempts, enqueued_at, platform, device_id
    )
    values (
      v_org_id, operation_id, v_user_id, v_request.source, p_operation_type, v_request.payload, p_dedup_key,
      syncwell._dedup_hash(operation_id, v_user_id, p_operation_type, v_request.payload, p_dedup_key, p_mode), p_mode,
      p_priority, coalesce(p_run_at, v_now), v_request.max_attempts, v_now, p_platform, v_request.device_id
    )
    on conflict (org_id, dedup_hash) where status = 'pending' or (status = 'processing' and dedup_mode = 'ignore')
    do nothing;
    if found then
      deduplicated := false;
      if v_defaults.notifies then
        perform pg_notify('syncwell_queue', '');
      end if;
      return;
    end if;
  end if;
  select e.operation_id, e.deduplicated into operation_id, deduplicated
  from syncwell._enqueue(v_org_id, array[v_request]) as e;
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
'server, other; p_device_id: at most 200 characters, kept by consent; p_user_id: for whom (admins and services), NULL: '
'the caller, for a service the org itself. Errors: SW001, SW002, SW401 (p_depends_on), SW403 (payload too large), '
'22023 for anything else not understood, 40001.';
revoke all on function syncwell.enqueue_operation(
  text, jsonb, text, text, text, integer, timestamptz, integer, text, uuid[], text, text, uuid
) from public;
grant execute on function syncwell.enqueue_operation(
  text, jsonb, text, text, text, integer, timestamptz, integer, text, uuid[], text, text, uuid
) to syncwell_client, syncwell_worker;
