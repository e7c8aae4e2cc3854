create or replace function syncwell.calculate_data_drift(
  p_user_id uuid default null,
  p_source text default null
)
returns table (
  source text,
  platform text,
  user_id uuid,
  stream_id uuid,
  window_hours integer,
  window_start timestamptz,
  window_end timestamptz,
  expected numeric,
  actual numeric,
  drift_percent numeric,
  z numeric,
  lower_bound numeric,
  upper_bound numeric,
  severity text,
  since timestamptz,
  baseline_weeks numeric,
  time_zone text,
  evidence jsonb
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._note_access('calculate_data_drift', p_user_id);
  return query select r.* from syncwell._data_drift(p_user_id, p_source) as r;
end
$$;
comment on function syncwell.calculate_data_drift(uuid, text) is
'How far volumes (items of the runs started in an hour, or, of a source whose events are ingested, events that '
'happened in it) are from what is expected, over the last 1, 6 and 24 hours whose items must have come; three rows a '
'stream, and three for all streams of a source and platform together (stream_id NULL) where these are several and the '
'caller sees the org. p_user_id NULL = everything the caller may see; p_source NULL = every source. expected: between '
'the medians of the same hour of the day (28 days) and of the same hour of the week (8 weeks) in time_zone; '
'drift_percent: of that, NULL when nothing is expected; it is no alarm by itself. z: distance beyond the nearer of '
'the two, in usual deviations. lower_bound: less is a drop by itself; upper_bound: farther up than 99 % of such '
'windows before, and than four times the usual spread: alone it is no surge yet. severity: of the stream, the same in '
'its three rows: learning (less than two weeks of history), none, warning or critical; since: when that began. '
'evidence: empty, or kind (surge, drop, gap), the window, the numbers and the limit. Surges are measured by the '
'source''s own bursts, drops by its second worst day, so sources that vary by themselves as much as a loss of half '
'hide one. Asking about another user is written to the access log. Errors: SW001, SW002, 25006 (another user, in a '
'read-only transaction).';
revoke all on function syncwell.calculate_data_drift(uuid, text) from public;
grant execute on function syncwell.calculate_data_drift(uuid, text) to syncwell_client, syncwell_reader;
