create or replace function syncwell.analyze_sync_health(p_user_id uuid default null)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._note_access('analyze_sync_health', p_user_id);
  return syncwell._sync_health_analysis(p_user_id);
end
$$;
comment on function syncwell.analyze_sync_health(uuid) is
'All that is known of how syncing is, as one document. p_user_id NULL = everything the caller may see. Keys: '
'computed_at; user_id: as asked; status: the rows of get_sync_health_status(), the overall one first; issues: the '
'worst and oldest 1000 rows of detect_sync_issues(), and issue_counts: how many there are by issue_type; history: '
'the rows of get_sync_health_history() of 7 days, by hour, oldest first; drift: of calculate_data_drift() the 1000 '
'that matter most; queues: what waits on devices, as these last told, by source and platform, the longest wait first '
'(devices, queue_depth, oldest_pending_at, oldest_pending_seconds, reported_at); queue_metrics: the rows of '
'get_queue_health_metrics(), the overall one first; uptime: the rows of get_uptime() of 30 days; errors: those not '
'resolved, by source, error_type and error_class, the most frequent first (errors: one a '
'stream and kind, occurrences, first_seen, last_seen, next_retry_at). Every list is empty where there is nothing. '
'Asking about another user is written to the access log. Errors: SW001, SW002, 25006 (another user, in a read-only '
'transaction).';
revoke all on function syncwell.analyze_sync_health(uuid) from public;
grant execute on function syncwell.analyze_sync_health(uuid) to syncwell_client, syncwell_reader;
