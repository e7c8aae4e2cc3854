create or replace function syncwell._check_session(
  p_told syncwell.sync_sessions,
  p_now timestamptz,
  p_settings jsonb
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_latest constant timestamptz := p_now + (p_settings ->> 'ingest.clock_tolerance')::interval;
  v_detail text;
begin
  v_detail := case
    when p_told.status not in ('active', 'completed')
      then format('The status is %L; it is active or completed.', left(p_told.status, 100))
    when p_told.data_source not in ('mock', 'bluetooth', 'manual')
      then format('The data source is %L; it is mock, bluetooth or manual.', left(p_told.data_source, 100))
    when not isfinite(p_told.started_at) or p_told.started_at not between '2000-01-01 00:00+00' and v_latest
      then format('It started at %s; times from 2000 to %s are taken.', p_told.started_at, v_latest)
    when not isfinite(p_told.ended_at) or p_told.ended_at not between '2000-01-01 00:00+00' and v_latest
      then format('It ended at %s; times from 2000 to %s are taken.', p_told.ended_at, v_latest)
    when p_told.ended_at < p_told.started_at then 'It ended before it started.'
    when jsonb_typeof(p_told.metadata) <> 'object' then 'The metadata are no object.'
    when jsonb_typeof(p_told.expected) <> 'object' then 'What is expected is no object.'
    when exists (
      select
      from jsonb_each(case when jsonb_typeof(p_told.expected) = 'object' then p_told.expected end) as e
      where e.key not in ('reading', 'survey_pre', 'survey_inter', 'survey_post', 'progression', 'adaptive_event')
        or e.value::text !~ '^[0-9]{1,9}$'
    ) then
      'What is expected is a whole number for each of some of reading, survey_pre, survey_inter, survey_post, '
      'progression, adaptive_event.'
  end;
  if v_detail is not null then
    raise exception using
      errcode = '22023',
      message = 'a session is not like that',
      detail = v_detail,
      hint = 'See the comments on start_session() and sync_session() for what each part may be.';
  end if;
  if p_told.source is not null then
    perform syncwell._check_source(p_told.source);
  end if;
  perform syncwell._check_platform(p_told.platform);
  perform syncwell._check_text('p_device_id', p_told.device_id, 255);
end
$$;
comment on function syncwell._check_session(syncwell.sync_sessions, timestamptz, jsonb) is
'Refuses what is told of a session (NULL: not told) where it can not be: 22023, 22001 a device id longer than 200. '
'p_settings: those of the org.';
revoke all on function syncwell._check_session(syncwell.sync_sessions, timestamptz, jsonb) from public;
