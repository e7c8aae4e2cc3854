create or replace function syncwell._judge_issues(
  p_org_id uuid,
  p_now timestamptz,
  p_settings jsonb,
  p_overrides jsonb,
  p_found syncwell.issue_verdict[],
  p_late uuid[],
  p_flapping uuid[],
  p_windowed uuid[]
)
returns syncwell.issue_verdict[]
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- arrays are planned for as long as they are: ten thousand issues must not be joined as if they were ten
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_stale_after constant interval := 12 * (p_settings ->> 'health.evaluation_interval')::interval;
  v_windows syncwell.maintenance_windows[];
  v_silences boolean;
  v_mass syncwell.issue_verdict;
  v_mass_id uuid;
  v_verdicts syncwell.issue_verdict[];
  c_severities constant text[] := array['info', 'warning', 'critical'];
  -- evidence that is another at every look: no reason to write
  c_ages constant text[] := array['overdue_seconds', 'running_seconds', 'silent_seconds', 'waiting_seconds'];
  -- what a stream that flaps has again and again; anything else it has is told
  c_flappy constant text[] := array['failure', 'stale_data', 'missing_source', 'high_error_rate', 'slow'];
begin
  v_windows := array(select w from syncwell._active_windows(p_org_id, p_now) as w);
  v_silences := exists (
    select from syncwell.silences as s where s.org_id = p_org_id and s.starts_at <= p_now and s.ends_at > p_now
  );

  -- the issue that explains stale streams must be known before they are muted by it
  select f.* into v_mass from unnest(p_found) as f where f.issue_type = 'mass_staleness';
  if v_mass.issue_type is not null then
    v_mass_id := coalesce(
      v_mass.id,
      (
        select r.id
        from syncwell.sync_issues as r
        where r.org_id = p_org_id
          and r.fingerprint = v_mass.fingerprint
          and r.resolved_at > p_now - (p_settings ->> 'health.reopen_within')::interval
        order by r.id desc
        limit 1
      ),
      syncwell._uuid7(p_now)
    );
  else
    select i.id into v_mass_id
    from syncwell.sync_issues as i
    where i.org_id = p_org_id
      and i.issue_type = 'mass_staleness'
      and i.state <> 'resolved'
      and p_now - coalesce(i.gone_since, p_now) < (p_settings ->> 'health.keep_for')::interval;
  end if;

  with found as materialized (
    select f.* from unnest(p_found) as f
  ),
  known as materialized (
    select
      i.*,
      f.fingerprint is not null as is_found,
      f.severity as new_severity, f.since as new_since, f.evidence as new_evidence, f.suggestion as new_suggestion,
      f.platform as new_platform,
      -- while a stream flaps, that it is well for a moment is no end; nor is grace that began anew
      f.fingerprint is not null
      or (p.stream_id is not null and i.issue_type = any(c_flappy))
      or (l.stream_id is not null and i.issue_type in ('stale_data', 'missing_source'))
      -- twice at the same time
      or (i.issue_type = 'evaluation_gap' and i.last_seen_at = p_now)
      as is_there,
      i.stream_id is not null and s.stream_id is null as is_retired,
      p.stream_id is not null as is_flapping,
      w.stream_id is not null as is_windowed
    from syncwell.sync_issues as i
    left join found as f on f.fingerprint = i.fingerprint
    left join syncwell.streams as s
      on s.org_id = p_org_id and s.stream_id = i.stream_id and s.retired_at is null
    left join unnest(p_late) as l (stream_id) on l.stream_id = i.stream_id
    left join unnest(p_flapping) as p (stream_id) on p.stream_id = i.stream_id
    left join unnest(p_windowed) as w (stream_id) on w.stream_id = i.stream_id
    where i.org_id = p_org_id and i.state <> 'resolved'
  ),
  ended as (
    select
      k.*,
      g.new_gone_since,
      case
        when k.is_there and not k.is_retired then false
        when k.is_retired or k.issue_type = 'evaluation_gap' then true
        else
          p_now - g.new_gone_since
          >= (
            syncwell._stream_settings(p_settings, p_overrides, k.source, k.platform) ->> 'health.keep_for'
          )::interval
      end as is_resolved
    from known as k
    cross join lateral (
      select case when not k.is_there or k.is_retired then coalesce(k.gone_since, p_now) end as new_gone_since
    ) as g
  ),
  -- of what is not there any more: back within health.reopen_within, or new
  fresh as materialized (
    select f.*, o.id as old_id, s.is_flapping, s.is_windowed
    from (
      select f.* from found as f where not exists (select from known as k where k.fingerprint = f.fingerprint)
    ) as f
    left join lateral (
      select r.id, r.resolved_at
      from syncwell.sync_issues as r
      where r.org_id = p_org_id and r.fingerprint = f.fingerprint
      order by r.id desc
      limit 1
    ) as o
      on o.resolved_at > p_now - (
        syncwell._stream_settings(p_settings, p_overrides, f.source, f.platform) ->> 'health.reopen_within'
      )::interval
    left join unnest(p_flapping) as p (stream_id) on p.stream_id = f.stream_id
    left join unnest(p_windowed) as w (stream_id) on w.stream_id = f.stream_id
    cross join lateral (
      select p.stream_id is not null as is_flapping, w.stream_id is not null as is_windowed
    ) as s
  ),
  all_issues as materialized (
    select
      e.id, e.fingerprint, e.issue_type, coalesce(e.new_severity, e.severity) as severity, e.stream_id, e.user_id,
      e.source, coalesce(e.new_platform, e.platform) as platform,
      case when e.is_found then e.new_since else e.since end as since,
      coalesce(e.new_evidence, e.evidence) as evidence,
      case when e.is_found then e.new_suggestion else e.suggestion end as suggestion,
      e.new_gone_since as gone_since, e.is_found, e.is_resolved,
      e.is_flapping, e.is_windowed,
      false as is_new, false as is_reopened, e.parent_id as old_parent_id, e.muted_by as old_muted_by,
      -- what only got older is not worth a write
      e.is_resolved
      or e.new_gone_since is distinct from e.gone_since
      or e.state = 'snoozed' and e.snoozed_until <= p_now
      or e.is_found
      and (
        e.new_severity <> e.severity
        or e.new_suggestion is distinct from e.suggestion
        or e.new_platform is distinct from e.platform and e.new_platform is not null
        or (e.new_since is null) <> (e.since is null)
        or e.new_since not between e.since - interval '1 second' and e.since + interval '1 second'
        or e.new_evidence - c_ages <> e.evidence - c_ages
        or e.last_seen_at <= p_now - v_stale_after
      ) as is_changed
    from ended as e
    union all
    select
      coalesce(f.old_id, case when f.issue_type = 'mass_staleness' then v_mass_id else syncwell._uuid7(p_now) end),
      f.fingerprint, f.issue_type, f.severity, f.stream_id, f.user_id, f.source, f.platform, f.since,
      f.evidence, f.suggestion, null, true, false, f.is_flapping, f.is_windowed, f.old_id is null,
      f.old_id is not null, null, null, true
    from fresh as f
  ),
  handled as materialized (
    select
      a.*,
      p.new_parent_id,
      case
        when a.is_resolved then a.old_muted_by
        when
          a.is_windowed
          or v_windows <> '{}'
          and a.stream_id is null
          and exists (
            select from unnest(v_windows) as w
            where syncwell._window_fits(w, a.source, a.user_id, a.platform)
          )
          then 'maintenance'
        when
          v_silences
          and syncwell._is_silenced(
            p_org_id, a.issue_type, a.severity, a.source, a.platform, a.user_id, a.stream_id, p_now
          )
          then 'silence'
        when p.new_parent_id is not null then 'parent'
        when a.is_flapping and a.issue_type = any(c_flappy) then 'flapping'
      end as new_muted_by
    from all_issues as a
    cross join lateral (
      select
        case
          when a.is_resolved then a.old_parent_id
          when a.issue_type in ('stale_data', 'missing_source') then v_mass_id
        end as new_parent_id
    ) as p
  ),
  -- a stream that fails or is stuck is stale of that: it is told once, by what is no less severe
  explaining as materialized (
    select distinct on (h.stream_id) h.stream_id, h.id, r.rank
    from handled as h
    cross join lateral (select array_position(c_severities, h.severity) as rank) as r
    where h.issue_type in ('failure', 'stuck')
      and h.stream_id is not null
      and not h.is_resolved
      and h.new_muted_by is null
    order by h.stream_id, r.rank desc, h.id
  ),
  explained as (
    select
      h.*,
      coalesce(h.new_parent_id, x.id) as parent_id,
      coalesce(h.new_muted_by, case when x.id is not null then 'parent' end) as muted_by
    from handled as h
    left join explaining as x
      on x.stream_id = h.stream_id
      and h.issue_type in ('stale_data', 'missing_source')
      and not h.is_resolved
      and h.new_muted_by is null
      and x.rank >= array_position(c_severities, h.severity)
  )
  select
    coalesce(
      array_agg(
        row(
          h.id, h.fingerprint, h.issue_type, h.severity, h.stream_id, h.user_id, h.source, h.platform, h.since, h.evidence,
          h.suggestion, h.parent_id, h.muted_by, h.gone_since, h.is_found, h.is_new,
          h.is_reopened, h.is_resolved
        )::syncwell.issue_verdict
      ),
      '{}'
    )
  into v_verdicts
  from explained as h
  where h.is_changed
    or h.parent_id is distinct from h.old_parent_id
    or h.muted_by is distinct from h.old_muted_by;
  return v_verdicts;
end
$$;
comment on function
syncwell._judge_issues(
  uuid, timestamptz, jsonb, jsonb, syncwell.issue_verdict[], uuid[], uuid[], uuid[]
) is
'The part of evaluate_health() that decides of each issue of an org, known or found: what begins, comes back (within '
'health.reopen_within: the same row), is gone (resolved after health.keep_for; of retired streams at once), rests no '
'longer, and who is told. Writes nothing; returns what changes. p_found: of _found_issues(); p_late, p_flapping, '
'p_windowed: streams, of _judge_streams().';
revoke all on function
syncwell._judge_issues(
  uuid, timestamptz, jsonb, jsonb, syncwell.issue_verdict[], uuid[], uuid[], uuid[]
) from public;
