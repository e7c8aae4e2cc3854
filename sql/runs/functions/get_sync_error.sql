create or replace function syncwell.get_sync_error(p_error_id uuid)
returns table (
  error_id uuid,
  stream_id uuid,
  source text,
  user_id uuid,
  event_id uuid,
  error_type text,
  error_class text,
  error_code text,
  http_status integer,
  error_message text,
  error_details jsonb,
  retry_count integer,
  next_retry_at timestamptz,
  lane text,
  reason text,
  occurrences bigint,
  first_seen timestamptz,
  last_seen timestamptz,
  resolved_at timestamptz,
  created_at timestamptz
)
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
begin
  return query
  select
    e.id, e.stream_id, e.source, e.user_id, e.event_id, e.error_type, e.error_class, e.error_code, e.http_status,
    syncwell._redact(e.org_id, e.user_id, e.error_message),
    syncwell._redact(e.org_id, e.user_id, e.error_details),
    e.retry_count, e.next_retry_at, e.lane, e.reason, e.occurrences, e.first_seen, e.last_seen, e.resolved_at,
    e.created_at
  from syncwell.sync_errors as e
  where e.org_id = v_caller.org_id
    and e.id = p_error_id
    and (v_caller.sees_org or e.user_id is null or e.user_id = v_caller.user_id);
  if not found then
    perform syncwell._refuse_unknown_error(p_error_id);
  end if;
end
$$;
comment on function syncwell.get_sync_error(uuid) is
'The error p_error_id in full. next_retry_at: when it is due; lane, reason: who retries it and why, see '
'record_sync_error(). Message and details with consent only. Errors: SW001, SW104, 22004.';
revoke all on function syncwell.get_sync_error(uuid) from public;
grant execute on function syncwell.get_sync_error(uuid) to syncwell_reader, syncwell_worker;
