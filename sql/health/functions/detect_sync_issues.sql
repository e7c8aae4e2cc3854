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
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- NaN compares as larger than all numbers
  if p_threshold_hours not between 0.001 and 87600 then
    raise exception using
      errcode = '22023',
      message = 'threshold out of range',
      detail = format('p_threshold_hours is %s.', left(p_threshold_hours::text, 100)),
      hint = 'Pass hours from 0.001 to 87600, or leave it out for setting health.stale_after.';
  end if;
  return query
  select i.*
  from syncwell._stream_issues(
    null, p_user_id, make_interval(secs => p_threshold_hours::double precision * 3600)
  ) as i
  order by array_position(array['critical', 'warning', 'info'], i.severity), i.since, i.source, i.stream_id;
end
$$;
comment on function syncwell.detect_sync_issues(uuid, numeric) is
'What is wrong now, the worst and oldest first. p_user_id NULL = everything the caller may see; p_threshold_hours: '
'how old the last success of a stream without an expected interval or cron may be, in hours (default: setting '
'health.stale_after, 24 hours). issue_type failure: runs failed in a row (critical from runs.failure_threshold on, '
'else warning); stale_data: no success past due plus grace (warning), or for health.stale_intervals expected '
'intervals (critical); stuck (warning): an open run without heartbeat for runs.heartbeat_timeout, or older than '
'max_runtime, or whose progress stands still; and, all warnings, one a device: rejected_pushes: its pushes fail; '
'quarantine: records it pushed were put aside as bad and nobody settled them; conflicts: health.conflict_threshold or '
'more within 24 hours that a policy decided and no person. since: the last success before the failures, when the '
'success was due, the last sign of life, the first of the refused pushes, bad records or conflicts. evidence: the '
'numbers and thresholds behind it, in the unit its key names; suggestion: what to do; stream_id NULL: progress that '
'belongs to no run. Errors: 22023 (p_threshold_hours), SW001, SW002.';
revoke all on function syncwell.detect_sync_issues(uuid, numeric) from public;
grant execute on function syncwell.detect_sync_issues(uuid, numeric) to syncwell_client, syncwell_reader;
