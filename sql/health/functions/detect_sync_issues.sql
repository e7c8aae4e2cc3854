create or replace function syncwell.detect_sync_issues(
  p_user_id uuid default null,
  p_threshold_hours numeric default null
)
returns table (
  source text,
  issue_type text,
  severity text,
  since timestamptz,
  evidence jsonb,
  suggestion text,
  user_id uuid,
  stream_id uuid
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._note_access('detect_sync_issues', p_user_id);
  return query select r.* from syncwell._detected_issues(p_user_id, p_threshold_hours) as r;
end
$$;
comment on function syncwell.detect_sync_issues(uuid, numeric) is
'What is wrong now, the worst and oldest first. p_user_id NULL = everything the caller may see; p_threshold_hours: '
'how old the last success of a stream without an expected interval, cron or learned interval may be, in hours '
'(default: setting health.stale_after, 24 hours). issue_type: failure: runs failed in a row (critical from '
'runs.failure_threshold on, else warning); stale_data: no success past due plus grace (warning), or for '
'health.stale_intervals expected intervals (critical); missing_source: the same of a declared stream that never ran; '
'stuck (warning): a run over one of five limits, evidence.cause: never_started: its progress waits for '
'health.start_timeout to begin, or a retry was claimed and not started in time; no_heartbeat: it sent one and none '
'since for runs.heartbeat_timeout; no_progress: what it counts stands still; over_max_runtime; unusually_long: it '
'runs longer than both health.slow_ratio times and health.slow_margin more than usual, of streams with '
'health.slow_runs runs; the first that holds is told; slow (warning): the last run took so long; high_error_rate '
'(warning): health.error_rate of the newest health.error_rate_runs runs failed, and the newest not all in a row up to '
'runs.failure_threshold; queue_backlog: an operation waits, on a device or enqueued, for health.queue_backlog '
'(warning) or health.queue_bad (critical); drift, gap: its volume is not what it usually is, as '
'calculate_data_drift() tells; '
'clock_skew (info): the clock of a device is ahead by more than health.clock_skew; integrity: changes of a synced '
'table are not tracked (critical, told to those who see the whole org), or sessions are not whole, as '
'get_session_integrity() tells (of the newest 200 of the last 7 days, one a finding; critical from '
'health.integrity_critical percent on, else a warning); and, all warnings, one a device: rejected_pushes: its pushes '
'fail; quarantine: records it pushed were put aside as bad and nobody settled them; conflicts: '
'health.conflict_threshold or more within 24 hours that a policy decided and no person. Where a pause window is on '
'nothing is stale, missing, or adrift. since: the last success before the failures, when the success was due, the '
'last sign of life or progress, the end of the claim, the start of the run that takes or took so long, the first of '
'the failures that the rate counts, the oldest operation, report, refused push, bad record or conflict; NULL when not '
'known. evidence: the numbers and thresholds behind it, in the unit its key names; suggestion: what to do; stream_id '
'NULL: it is not one stream''s. Asking about another user is written to the access log. Errors: 22023 '
'(p_threshold_hours), SW001, SW002, 25006 (another user, in a read-only transaction).';
revoke all on function syncwell.detect_sync_issues(uuid, numeric) from public;
grant execute on function syncwell.detect_sync_issues(uuid, numeric) to syncwell_client, syncwell_reader;
