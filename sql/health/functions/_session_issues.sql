create or replace function syncwell._session_issues(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_source text,
  p_user_id uuid,
  p_everything boolean,
  p_critical numeric
)
returns table (
  source text,
  issue_type text,
  severity text,
  since timestamptz,
  evidence jsonb,
  suggestion text,
  user_id uuid,
  stream_id uuid,
  platform text,
  cause text
)
language plpgsql stable security invoker rows 1
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_user_id uuid := p_user_id;
  v_from constant timestamptz := syncwell._now() - interval '7 days';
begin
  -- most orgs have no sessions
  if
    not exists (select from syncwell.sync_sessions as s where s.org_id = p_org_id and s.started_at >= v_from)
    and not exists (select from syncwell.session_counts as c where c.org_id = p_org_id and not c.has_session)
  then
    return;
  end if;
  if v_user_id is null and not p_everything then
    select s.user_id into v_user_id
    from syncwell.streams as s
    where s.org_id = p_org_id and s.stream_id = any(p_stream_ids) and s.user_id is not null
    limit 1;
    if not found then
      return;
    end if;
  end if;

  -- what is wrong with an app is wrong for many: told once, of the newest
  return query
  select
    i.source,
    'integrity',
    case when 100.0 * i.affected / i.sessions >= p_critical then 'critical' else 'warning' end,
    i.since,
    jsonb_build_object(
      'finding', i.finding,
      'sessions', i.sessions,
      'affected', i.affected,
      'percent', round(100.0 * i.affected / i.sessions, 1),
      'critical_percent', p_critical,
      'examples', i.examples
    ),
    case i.finding
      when 'sessions_without_readings'
        then 'They were completed, and no readings came: see whether these wait on devices, or came for another '
          || 'session.'
      when 'late_surveys'
        then 'They came long after they were filled in: see what keeps the app from sending them at once.'
      when 'orphans'
        then 'Records came for sessions that nobody started: see under which local id the app sends them; '
          || 'merge_duplicate_sessions() finds theirs.'
      when 'duplicates'
        then 'The app starts a session twice, under two local ids: let it keep one; merge_duplicate_sessions() repairs '
          || 'what is there.'
      else 'Fewer records came than the device counted: complete_session() tells which are missing.'
    end,
    v_user_id,
    (
      select s.stream_id
      from syncwell.streams as s
      where s.org_id = p_org_id and s.user_id = v_user_id and s.source = i.source and s.retired_at is null
    ),
    null::text,
    'sessions ' || i.finding
  from syncwell._session_integrity(p_org_id, v_user_id, v_from, 200) as i
  where i.affected > 0 and (p_source is null or i.source = p_source);
end
$$;
comment on function syncwell._session_issues(uuid, uuid[], text, uuid, boolean, numeric) is
'The part of _issues_of() that tells what is wrong with sessions, of the newest 200 of the last 7 days: those of an '
'org together, or of p_user_id, or of the user of p_stream_ids for who does not see all (p_everything). One a source '
'and finding of get_session_integrity(); critical from p_critical percent on.';
revoke all on function syncwell._session_issues(uuid, uuid[], text, uuid, boolean, numeric) from public;
