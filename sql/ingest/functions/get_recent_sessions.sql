create or replace function syncwell.get_recent_sessions(
  p_user_id uuid default null,
  p_limit integer default 30,
  p_include_mock boolean default false
)
returns table (
  session_id uuid,
  user_id uuid,
  local_id text,
  source text,
  data_source text,
  status text,
  sync_status text,
  started_at timestamptz,
  ended_at timestamptz,
  duration_seconds numeric,
  records jsonb,
  average_spo2 double precision,
  minimum_spo2 double precision,
  maximum_spo2 double precision,
  average_heart_rate double precision,
  minimum_heart_rate double precision,
  maximum_heart_rate double precision,
  survey_pre jsonb,
  surveys_inter jsonb,
  survey_post jsonb,
  progression jsonb,
  missing jsonb
)
language plpgsql volatile security definer rows 30
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._caller();
  v_mock constant boolean := coalesce(p_include_mock, false);
  v_user_id uuid := p_user_id;
begin
  perform syncwell._check_limit(p_limit);
  perform syncwell._note_access('get_recent_sessions', p_user_id);
  perform syncwell._check_shown_user(p_user_id);
  if p_user_id is null and not v_caller.sees_org then
    v_user_id := v_caller.user_id;
  end if;

  return query
  with chosen as materialized (
    select s.*
    from syncwell.sync_sessions as s
    where s.org_id = v_caller.org_id
      and (v_user_id is null or s.user_id = v_user_id)
      and (v_mock or s.data_source is distinct from 'mock')
    order by s.started_at desc, s.session_id desc
    limit p_limit
  )
  select
    s.session_id, s.user_id, s.local_id, s.source, s.data_source, s.status, s.sync_status, s.started_at, s.ended_at,
    extract(epoch from s.ended_at - s.started_at),
    coalesce(c.records, '{}'),
    m.average_spo2, m.minimum_spo2, m.maximum_spo2,
    m.average_heart_rate, m.minimum_heart_rate, m.maximum_heart_rate,
    (syncwell._session_payloads(s.org_id, s.session_id, 'survey_pre', v_mock, 1) -> 0),
    syncwell._session_payloads(s.org_id, s.session_id, 'survey_inter', v_mock, 100),
    (syncwell._session_payloads(s.org_id, s.session_id, 'survey_post', v_mock, 1) -> 0),
    syncwell._session_payloads(s.org_id, s.session_id, 'progression', v_mock, 100),
    syncwell._session_missing(s.org_id, s.session_id, s.expected)
  from chosen as s
  left join lateral (
    select jsonb_object_agg(
      n.kind, case when v_mock then n.records else n.records - n.mock_records end
      order by n.kind
    ) as records
    from syncwell.session_counts as n
    where n.org_id = s.org_id
      and n.session_id = s.session_id
      and (n.records > n.mock_records or (v_mock and n.records > 0))
  ) as c on true
  cross join lateral syncwell._session_means(s.org_id, s.session_id, v_mock) as m
  order by s.started_at desc, s.session_id desc;
end
$$;
comment on function syncwell.get_recent_sessions(uuid, integer, boolean) is
'The last p_limit (1 to 1000, default 30) sessions by their start, the newest first, with what a coach asks of them, '
'in one call whose time does not depend on how many readings they have: of p_user_id (NULL: everything the caller may '
'see; another''s is written to the access log). records: how many of each kind; average, minimum and maximum of the '
'readings, in percent and beats a minute; survey_pre, survey_post: what was answered last; surveys_inter, progression: '
'arrays by time, the last 100, 1 MiB of each at most; duration_seconds: NULL while the session is active; missing: as '
'complete_session() tells it. p_include_mock: made-up sessions and records too, which else do not count. Errors: '
'SW001, SW002, 22004, '
'22023, 25006.';
revoke all on function syncwell.get_recent_sessions(uuid, integer, boolean) from public;
grant execute on function syncwell.get_recent_sessions(uuid, integer, boolean) to syncwell_client, syncwell_reader;
