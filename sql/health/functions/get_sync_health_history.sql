create or replace function syncwell.get_sync_health_history(
  p_user_id uuid default null,
  p_days integer default 7,
  p_source text default null
)
returns table (
  period text,
  period_start timestamptz,
  total_syncs bigint,
  successful_syncs bigint,
  failed_syncs bigint,
  success_rate numeric,
  total_items_synced numeric,
  p50_duration_ms double precision,
  p95_duration_ms double precision,
  score numeric,
  healthy_share numeric,
  late_share numeric,
  degraded_share numeric,
  unhealthy_share numeric,
  unknown_share numeric,
  paused_share numeric
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._note_access('get_sync_health_history', p_user_id);
  return query select r.* from syncwell._sync_health_history(p_user_id, p_days, p_source) as r;
end
$$;
comment on function syncwell.get_sync_health_history(uuid, integer, text) is
'How syncing was, a row a period, the oldest first, those without runs as well. p_user_id NULL = everything the '
'caller may see; p_days: how many days back, the current one included (default 7, 1 to 3660); p_source NULL = all. '
'period: hour (of UTC) up to 7 days, else day (by the org''s time zone). total_syncs: runs started in it; '
'successful_syncs: success and partial; failed_syncs: failed and timeout; success_rate: share of those two, 0 to 1, '
'NULL without any; total_items_synced: NULL when never told; p50_duration_ms, p95_duration_ms: of the runs that '
'succeeded or failed, within 1.083 % (merged from sketches), NULL without any. score: mean over the streams and the '
'time, 0 to 100, as evaluate_health() recorded it, NULL where nothing is known. The shares say how much of the time '
'of all streams was spent in each state, 0 to 1, to 6 digits, together 1; of the current period, the part that is '
'over. paused: while a pause window was on; unknown: also where nothing was recorded, or nothing evaluated. No rows '
'when no stream matches. Asking about another user is written to the access log. Errors: SW001, SW002, 25006 '
'(another user, in a read-only transaction), 22004, 22023 (p_days).';
revoke all on function syncwell.get_sync_health_history(uuid, integer, text) from public;
grant execute on function syncwell.get_sync_health_history(uuid, integer, text) to syncwell_client, syncwell_reader;
