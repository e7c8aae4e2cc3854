create or replace function syncwell.get_recent_webhooks(
  p_source text default null,
  p_limit integer default 20,
  p_user_id uuid default null
)
returns table (
  event_id uuid,
  source text,
  user_id uuid,
  sync_type text,
  status text,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint,
  items_processed bigint,
  items_created bigint,
  items_updated bigint,
  items_deleted bigint,
  items_failed bigint,
  items_per_second numeric,
  direction text,
  bytes bigint,
  error_type text,
  error_code text,
  error_message text,
  attempt integer,
  platform text,
  device_id text,
  network_type text,
  sync_token_before text,
  sync_token_after text,
  heartbeat_at timestamptz
)
language plpgsql volatile security definer rows 20
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform syncwell._note_access('get_recent_webhooks', p_user_id);
  perform syncwell._check_limit(p_limit);
  return query
  select
    r.event_id, r.source, r.user_id, r.sync_type, r.status, r.started_at, r.completed_at, r.duration_ms,
    r.items_processed, r.items_created, r.items_updated, r.items_deleted, r.items_failed, r.items_per_second,
    r.direction, r.bytes, r.error_type, r.error_code, r.error_message, r.attempt, r.platform, r.device_id,
    r.network_type, r.sync_token_before, r.sync_token_after, r.heartbeat_at
  from syncwell._recent_events(p_source, p_limit, null, 'webhook', p_user_id) as r;
end
$$;
comment on function syncwell.get_recent_webhooks(text, integer, uuid) is
'The last p_limit (1 to 1000, default 20) runs of type webhook, newest first, of p_source (NULL: all) and p_user_id '
'(NULL: everything the caller may see); columns as get_recent_sync_events(). Asking about another user is written to '
'the access log. Errors: SW001, SW002, 25006 (another user, in a read-only transaction), 22004, 22023.';
revoke all on function syncwell.get_recent_webhooks(text, integer, uuid) from public;
grant execute on function syncwell.get_recent_webhooks(text, integer, uuid) to syncwell_reader;
