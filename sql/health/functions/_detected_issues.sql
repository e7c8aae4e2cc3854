create or replace function syncwell._detected_issues(
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
language plpgsql stable security invoker
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
  order by array_position(array['critical', 'warning', 'info'], i.severity), i.since, i.source, i.stream_id, i.issue_type;
end
$$;
comment on function syncwell._detected_issues(uuid, numeric) is
'What detect_sync_issues() returns, as of the snapshot of the statement that asks: analyze_sync_health() puts '
'several together. Errors: 22023 (p_threshold_hours), SW001, SW002.';
revoke all on function syncwell._detected_issues(uuid, numeric) from public;
