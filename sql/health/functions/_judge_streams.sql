create or replace function syncwell._judge_streams(
  p_org_id uuid,
  p_now timestamptz,
  p_settings jsonb,
  p_overrides jsonb,
  p_judge_from timestamptz,
  out streams bigint,
  out expecting bigint,
  out late uuid[],
  out flapping uuid[],
  out windowed uuid[],
  out verdicts syncwell.stream_verdict[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  with facts as materialized (
    select
      h.stream_id, h.user_id, h.source, h.platform, h.status, h.score, h.freshness, h.window_mode, h.due_at, h.late_at,
      h.last_sync_at, h.consecutive_failures,
      t.stream_id is null as is_first,
      coalesce(t.status, 'unknown') as old_status, t.since as old_since, t.pending_status, t.pending_since,
      coalesce(t.recent_states, b'') as recent_states, coalesce(t.is_flapping, false) as was_flapping, t.seen_run_at,
      t.evaluated_at,
      p.starts_at as period_starts_at, p.status as period_status, p.overlay as period_overlay,
      p.is_flapping as period_is_flapping, p.score as period_score
    from syncwell._health_of(p_org_id) as h
    left join syncwell.stream_states as t on t.org_id = p_org_id and t.stream_id = h.stream_id
    left join syncwell.stream_periods as p
      on p.org_id = p_org_id and p.stream_id = h.stream_id and p.ends_at is null
  ),
  -- settings are read once for all streams that have the same
  limits as materialized (
    select
      k.source, k.platform,
      (d.settings ->> 'runs.failure_threshold')::integer as failure_threshold,
      (d.settings ->> 'health.pending_for')::interval as pending_for,
      (d.settings ->> 'health.keep_for')::interval as keep_for,
      (d.settings ->> 'health.flap_start')::numeric as flap_start,
      (d.settings ->> 'health.flap_stop')::numeric as flap_stop,
      (d.settings ->> 'health.flap_minimum')::integer as flap_minimum
    from (select distinct f.source, coalesce(f.platform, '') as platform from facts as f) as k
    cross join lateral (
      select syncwell._stream_settings(p_settings, p_overrides, k.source, nullif(k.platform, '')) as settings
    ) as d
  ),
  -- grace begins anew after a time when nothing evaluated; what was overdue before that is overdue still, unless a
  -- success or a declaration has moved on when it is due, or a pause has ended that (NULL)
  judged as materialized (
    select
      f.*,
      l.failure_threshold, l.pending_for, l.keep_for, l.flap_start, l.flap_stop, l.flap_minimum,
      f.due_at <= p_judge_from
      and (f.late_at is null or p_now <= f.late_at)
      and f.freshness not in ('late', 'stale')
      and exists (
        select from syncwell.sync_issues as i
        where i.org_id = p_org_id
          and i.stream_id = f.stream_id
          and i.state <> 'resolved'
          and i.issue_type in ('stale_data', 'missing_source')
      ) as is_late
    from facts as f
    inner join limits as l on l.source = f.source and l.platform = coalesce(f.platform, '')
  ),
  -- an observation: a run ended, or it changed between well and not well; while a stream flaps, also that it is
  -- overdue, since one that stopped altogether must not stay quiet
  observed as (
    select
      j.*,
      v.status as new_status,
      case
        when
          o.state is not null
          and (
            j.last_sync_at is distinct from j.seen_run_at
            or o.state is distinct from coalesce(o.last_state, b'0')
            or (j.was_flapping and j.freshness in ('late', 'stale') and j.evaluated_at < p_now)
          )
          then substring(j.recent_states from greatest(length(j.recent_states) - 19, 1)) || o.state
        else j.recent_states
      end as new_states
    from judged as j
    cross join lateral (
      select
        case
          when j.is_late and syncwell._status_rank(j.old_status) > syncwell._status_rank(j.status) then j.old_status
          else j.status
        end as status
    ) as v
    cross join lateral (
      select
        case
          when j.is_late then null
          when j.status in ('late', 'degraded', 'unhealthy') then b'1'
          when j.status = 'healthy' then b'0'
        end as state,
        case
          when length(j.recent_states) > 0 then substring(j.recent_states from length(j.recent_states))
        end as last_state
    ) as o
  ),
  decided as (
    select
      o.stream_id, o.user_id, o.source, o.last_sync_at, o.seen_run_at, o.is_first, o.old_status, o.old_since,
      o.recent_states, o.new_states, o.was_flapping, f.is_flapping, o.due_at, o.window_mode, o.is_late,
      case when m.moves then o.new_status else o.old_status end as status,
      o.pending_status as old_pending_status,
      o.pending_since as old_pending_since,
      case when not m.moves then o.new_status end as pending_status,
      case when not m.moves then w.pending_since end as pending_since,
      case o.window_mode when 'pause' then 'paused' when 'exclude' then 'excluded' when 'mute' then 'muted' end as overlay,
      o.score, o.period_starts_at, o.period_status, o.period_overlay, o.period_is_flapping, o.period_score
    from observed as o
    cross join lateral (
      select
        case
          when o.new_states = o.recent_states then o.was_flapping
          when length(o.new_states) < o.flap_minimum or bit_count(o.new_states) in (0, length(o.new_states)) then false
          when o.was_flapping then syncwell._flap_percent(o.new_states) > least(o.flap_stop, o.flap_start)
          else syncwell._flap_percent(o.new_states) >= o.flap_start
        end as is_flapping,
        syncwell._status_rank(o.new_status) > syncwell._status_rank(o.old_status) as is_worse
    ) as f
    cross join lateral (
      select
        case
          -- nobody saw that it lasted
          when o.pending_since < p_judge_from then p_judge_from
          when (syncwell._status_rank(o.pending_status) > syncwell._status_rank(o.old_status)) = f.is_worse
            then o.pending_since
          else p_now
        end as pending_since
    ) as w
    cross join lateral (
      select
        case
          -- moved or not, nothing waits
          when o.new_status = o.old_status or o.old_since is null then true
          when o.new_status = 'unknown' or (o.old_status = 'unknown' and o.new_status = 'healthy') then true
          when o.new_status = 'unhealthy' and o.consecutive_failures >= o.failure_threshold then true
          when f.is_worse then p_now - w.pending_since >= o.pending_for
          else p_now - w.pending_since >= o.keep_for
        end as moves
    ) as m
  ),
  compared as (
    select
      d.*,
      d.is_first
      or d.old_since is null
      or d.status <> d.old_status
      or d.pending_status is distinct from d.old_pending_status
      or d.pending_since is distinct from d.old_pending_since
      or d.new_states <> d.recent_states
      or d.is_flapping <> d.was_flapping
      as is_changed,
      d.period_starts_at is null
      or d.status <> d.period_status
      or d.overlay is distinct from d.period_overlay
      or d.is_flapping <> d.period_is_flapping
      or (d.score is null) <> (d.period_score is null)
      or abs(d.score - d.period_score) >= 10
      as begins_period
    from decided as d
  )
  select
    count(*),
    count(*) filter (where c.due_at is not null),
    coalesce(array_agg(c.stream_id) filter (where c.is_late), '{}'),
    coalesce(array_agg(c.stream_id) filter (where c.is_flapping), '{}'),
    coalesce(array_agg(c.stream_id) filter (where c.window_mode is not null), '{}'),
    coalesce(
      array_agg(
        row(
          c.stream_id, c.user_id, c.source, c.status, c.pending_status, c.pending_since, c.new_states, c.is_flapping,
          case when c.new_states <> c.recent_states then c.last_sync_at else c.seen_run_at end, c.overlay, c.score,
          c.is_first, c.status <> c.old_status, c.is_changed, c.begins_period
        )::syncwell.stream_verdict
        order by c.stream_id
      ) filter (where c.is_changed or c.begins_period),
      '{}'
    )
  into streams, expecting, late, flapping, windowed, verdicts
  from compared as c;
end
$$;
comment on function syncwell._judge_streams(uuid, timestamptz, jsonb, jsonb, timestamptz) is
'The part of evaluate_health() that decides of each live stream of an org: status after health.pending_for and '
'health.keep_for (at once: from the failure threshold on, to and from unknown), observations and flapping, and whether '
'a new stretch begins (another status, overlay or flapping, or a score that moved by 10). Writes nothing. streams: how '
'many there are; expecting: those of which something is expected; late: those overdue since before p_judge_from, whose '
'grace began anew; flapping; windowed: under a maintenance window; verdicts: those to write.';
revoke all on function syncwell._judge_streams(uuid, timestamptz, jsonb, jsonb, timestamptz) from public;
