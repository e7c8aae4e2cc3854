create or replace function syncwell._enqueue_one(
  p_org_id uuid,
  p_user_id uuid,
  p_operation_type text,
  p_payload jsonb,
  p_source text,
  p_dedup_key text,
  p_mode text,
  p_priority integer,
  p_run_at timestamptz,
  p_max_attempts integer,
  p_ordering_key text,
  p_depends_on uuid[],
  p_platform text,
  p_device_id text,
  out operation_id uuid,
  out deduplicated boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_defaults record;
  v_request syncwell.queue_request;
  v_fault text[];
begin
  select d.source, d.max_attempts, d.max_payload
  into v_defaults
  from syncwell._queue_defaults(p_org_id, p_source, p_platform) as d;
  v_request := row(
    0, p_user_id, coalesce(p_source, v_defaults.source), p_operation_type,
    coalesce(p_payload, '{}'), p_dedup_key, p_mode,
    case when p_priority between 0 and 9 then p_priority end, p_run_at,
    coalesce(p_max_attempts, v_defaults.max_attempts), p_ordering_key,
    coalesce(p_depends_on, '{}'), p_platform, syncwell._redact(p_org_id, p_user_id, p_device_id)
  );
  v_fault := coalesce(
    syncwell._operation_fault(v_request, v_defaults.max_payload),
    case when not syncwell._may_depend_on(p_org_id, p_user_id, v_request.depends_on)
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
  select e.operation_id, e.deduplicated into operation_id, deduplicated
  from syncwell._enqueue(p_org_id, array[v_request]) as e;
end
$$;
comment on function syncwell._enqueue_one(
  uuid, uuid, text, jsonb, text, text, text, integer, timestamptz, integer, text, uuid[], text, text
) is
'enqueue_operation() for any operation, checked with _operation_fault().';
revoke all on function syncwell._enqueue_one(
  uuid, uuid, text, jsonb, text, text, text, integer, timestamptz, integer, text, uuid[], text, text
) from public;
