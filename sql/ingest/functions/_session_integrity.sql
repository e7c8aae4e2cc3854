create or replace function syncwell._session_integrity(
  p_org_id uuid,
  p_user_id uuid,
  p_from timestamptz,
  p_limit integer
)
returns table (
  source text,
  finding text,
  sessions bigint,
  affected bigint,
  since timestamptz,
  examples uuid[]
)
language plpgsql stable security invoker rows 5
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  v_patience constant interval := syncwell._setting(p_org_id, 'ingest.orphan_after')::interval;
  v_default_source constant text := syncwell._setting(p_org_id, 'ingest.session_source');
begin
  return query
  with recent as materialized (
    select
      s.session_id, s.source, s.status, s.started_at, s.expected, c.has_readings, c.has_surveys, c.has_late_surveys,
      -- what has just been told may be followed by the rest
      greatest(s.updated_at, s.last_sync_at) < v_now - v_patience as is_settled,
      greatest(s.updated_at, s.last_sync_at) < v_now - interval '1 day' as is_old
    from (
      select x.*
      from syncwell.sync_sessions as x
      where x.org_id = p_org_id
        and (p_user_id is null or x.user_id = p_user_id)
        and x.started_at >= p_from
        and x.data_source is distinct from 'mock'
      order by x.started_at desc
      limit p_limit
    ) as s
    left join lateral (
      select
        bool_or(k.kind = 'reading') as has_readings,
        bool_or(k.kind like 'survey%') as has_surveys,
        bool_or(k.kind like 'survey%' and k.late_records > 0) as has_late_surveys
      from syncwell.session_counts as k
      where k.org_id = p_org_id and k.session_id = s.session_id and k.records > 0
    ) as c on true
  ),
  orphans as materialized (
    select c.session_id, min(c.first_at) as since
    from syncwell.session_counts as c
    where c.org_id = p_org_id
      and not c.has_session
      and (p_user_id is null or c.user_id = p_user_id)
      and c.last_at >= p_from
      and c.records > c.mock_records
      and c.last_received_at < v_now - v_patience
      and not exists (
        select from syncwell.sync_sessions as s where s.org_id = p_org_id and s.session_id = c.session_id
      )
    group by c.session_id
    limit p_limit
  ),
  found as (
    select
      r.source, 'sessions_without_readings' as finding, r.session_id, r.started_at,
      r.has_readings is not true and r.is_settled and coalesce(r.expected ->> 'reading' <> '0', true) as is_bad
    from recent as r
    where r.status = 'completed'
    union all
    select r.source, 'late_surveys', r.session_id, r.started_at, r.has_late_surveys
    from recent as r
    where r.has_surveys
    union all
    select v_default_source, 'orphans', o.session_id, o.since, true from orphans as o
    union all
    select r.source, 'orphans', r.session_id, r.started_at, false from recent as r
    union all
    select r.source, 'duplicates', r.session_id, r.started_at, d.removed_id is not null
    from recent as r
    left join syncwell._session_pairs(p_org_id, array(select x.session_id from recent as x), false) as d
      on d.removed_id = r.session_id
    union all
    select
      r.source, 'incomplete', r.session_id, r.started_at,
      case
        when r.is_old or (r.status = 'completed' and r.is_settled)
          then exists (
            select
            from jsonb_each_text(r.expected) as e
            left join syncwell.session_counts as c
              on c.org_id = p_org_id and c.session_id = r.session_id and c.kind = e.key
            where e.value::bigint > coalesce(c.records, 0)
          )
        else false
      end
    from recent as r
    where r.expected is not null
  )
  select
    f.source, f.finding, count(*), count(*) filter (where f.is_bad), min(f.started_at) filter (where f.is_bad),
    (array_agg(f.session_id order by f.started_at desc, f.session_id) filter (where f.is_bad))[:5]
  from found as f
  group by f.source, f.finding;
end
$$;
comment on function syncwell._session_integrity(uuid, uuid, timestamptz, integer) is
'What is wrong with the sessions of an org, or of one user, that began from p_from on, the newest p_limit, mock ones '
'left out; by source. finding: as get_session_integrity() has it; sessions: to how many it could apply; affected: to '
'how many it does; since: when the first of these began; examples: the newest five.';
revoke all on function syncwell._session_integrity(uuid, uuid, timestamptz, integer) from public;
