create or replace function syncwell._volume_closed(
  p_org_id uuid,
  p_now timestamptz
)
returns table (
  series_id uuid,
  stream_id uuid,
  user_id uuid,
  source text,
  platform text,
  time_zone text,
  closed_to timestamptz
)
language sql stable security invoker
as $$
  with live as materialized (
    select
      s.stream_id, s.user_id, s.source, s.platform, coalesce(s.time_zone, o.time_zone) as time_zone,
      o.time_zone as org_zone,
      case
        when x.usual_delay is null
          then least(coalesce(x.usual_duration_ms, 0) * interval '1 ms', interval '6 hours')
      end as run_delay,
      case when x.usual_delay is not null then least(x.usual_delay, interval '48 hours') end as event_delay
    from syncwell.streams as s
    join syncwell.orgs as o on o.org_id = s.org_id
    left join syncwell.stream_states as x on x.org_id = s.org_id and x.stream_id = s.stream_id
    where s.org_id = p_org_id and s.retired_at is null
  )
  select
    l.stream_id, l.stream_id, l.user_id, l.source, l.platform, l.time_zone,
    date_trunc('hour', p_now - coalesce(l.event_delay, l.run_delay), 'UTC')
  from live as l
  union all
  select
    syncwell._volume_series_id(l.source, l.platform), null, null, l.source, l.platform, min(l.org_zone),
    -- one device in twenty may be late
    date_trunc(
      'hour', p_now - greatest(max(l.run_delay), percentile_disc(0.95) within group (order by l.event_delay)), 'UTC'
    )
  from live as l
  group by l.source, l.platform
  having count(*) > 1
$$;
comment on function syncwell._volume_closed(uuid, timestamptz) is
'Whose volumes are judged in an org: each live stream, and all streams of a source and platform together where these '
'are several (stream_id NULL). closed_to: the end of the last hour whose items must have come: a run counts where it '
'started, so its usual duration is waited for, 6 hours at most; for events the usual delay of their arrival, 48 hours '
'at most.';
revoke all on function syncwell._volume_closed(uuid, timestamptz) from public;
