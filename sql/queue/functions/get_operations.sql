create or replace function syncwell.get_operations(
  p_status text default null,
  p_source text default null,
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  operation_id uuid,
  user_id uuid,
  source text,
  operation_type text,
  payload jsonb,
  status text,
  priority smallint,
  run_at timestamptz,
  blockers integer,
  attempts integer,
  max_attempts integer,
  dedup_key text,
  ordering_key text,
  enqueued_at timestamptz,
  claimed_at timestamptz,
  lease_owner text,
  last_failed_at timestamptz,
  last_error_type text,
  last_error_code text,
  last_error text,
  dead_reason text,
  platform text,
  device_id text
)
language plpgsql volatile security definer rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_shows boolean;
begin
  perform syncwell._note_access('get_operations', p_user_id);
  perform syncwell._check_limit(p_limit);
  if p_status <> all (array['pending', 'processing', 'dead']) then
    raise exception using
      errcode = '22023',
      message = 'unknown status',
      detail = format('p_status is %L.', left(p_status, 100)),
      hint = 'Pass pending, processing or dead, or leave it out for all.';
  end if;
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  v_shows := v_caller.role in ('admin', 'service');
  return query
  select
    q.id, q.user_id, q.source, q.operation_type,
    case
      when o.is_own or (v_shows and q.user_id is null) then q.payload
      when v_shows then syncwell._redact(q.org_id, q.user_id, q.payload)
    end,
    q.status, q.priority, q.run_at, q.blockers, q.attempts, q.max_attempts,
    case
      when o.is_own or (v_shows and q.user_id is null) then q.dedup_key
      when v_shows then syncwell._redact(q.org_id, q.user_id, q.dedup_key)
    end,
    case
      when o.is_own or (v_shows and q.user_id is null) then q.ordering_key
      when v_shows then syncwell._redact(q.org_id, q.user_id, q.ordering_key)
    end,
    q.enqueued_at, q.claimed_at, q.lease_owner, q.last_failed_at, q.last_error_type,
    -- consent may have been asked for since
    syncwell._redact(q.org_id, q.user_id, q.last_error_code), syncwell._redact(q.org_id, q.user_id, q.last_error),
    q.dead_reason, q.platform, syncwell._redact(q.org_id, q.user_id, q.device_id)
  from syncwell.sync_queue as q
  cross join lateral (select q.user_id is not distinct from v_caller.user_id as is_own) as o
  where q.org_id = v_caller.org_id
    and (v_caller.sees_org or q.user_id is null or q.user_id = v_caller.user_id)
    and (p_user_id is null or q.user_id = p_user_id)
    and (p_status is null or q.status = p_status)
    and (p_source is null or q.source = p_source)
  order by q.id
  limit p_limit;
end
$$;
comment on function syncwell.get_operations(text, text, integer, uuid) is
'Operations that are not done, the oldest first, p_limit (1 to 1000) of them: those that are p_status (pending, '
'processing, dead; NULL: all), of p_source (NULL: all) and p_user_id (NULL: everything the caller may see). payload '
'and keys are shown to the user whose operation it is, and to admins and services, by consent. run_at: from when on '
'it may be claimed; while it is being processed: when its lease ends. blockers: how many operations it waits for. '
'Asking about another user is written to the access log. Errors: SW001, SW002, 25006 (another user, in a read-only '
'transaction), 22004, 22023.';
revoke all on function syncwell.get_operations(text, text, integer, uuid) from public;
grant execute on function syncwell.get_operations(text, text, integer, uuid) to syncwell_client, syncwell_reader;
