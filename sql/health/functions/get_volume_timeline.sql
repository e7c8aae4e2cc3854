create or replace function syncwell.get_volume_timeline(
  p_source text default null,
  p_hours integer default 168,
  p_user_id uuid default null
)
returns table (
  source text,
  platform text,
  stream_id uuid,
  hour timestamptz,
  actual numeric,
  expected numeric,
  lower_bound numeric,
  upper_bound numeric,
  severity text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_now constant timestamptz := syncwell._now();
  v_streams uuid[];
  v_minimum double precision;
begin
  perform syncwell._note_access('get_volume_timeline', p_user_id);
  if p_hours is null or p_hours not between 1 and 2160 then
    raise exception using
      errcode = '22023',
      message = 'p_hours is out of range',
      detail = format('%s is not between 1 and 2160.', coalesce(p_hours::text, 'NULL')),
      hint = 'Ask for at most 90 days.';
  end if;
  v_caller := syncwell._caller();
  v_streams := array(select s.stream_id from syncwell._visible_streams(p_source, p_user_id) as s);
  v_minimum := syncwell._setting(v_caller.org_id, 'health.drift_minimum')::double precision;

  return query
  with closed as materialized (
    select
      c.*, count(*) filter (where c.stream_id is null) over (partition by c.source, c.platform) > 0 as has_group
    from syncwell._volume_closed(v_caller.org_id, v_now) as c
  ),
  shown as materialized (
    select c.series_id, c.source, c.platform, c.stream_id, c.closed_to, b
    from closed as c
    left join syncwell.volume_baselines as b on b.org_id = v_caller.org_id and b.series_id = c.series_id
    where case
      when c.stream_id is null then
        v_caller.sees_org and p_user_id is null and (p_source is null or c.source = p_source)
      else
        c.stream_id = any(v_streams)
        and (
          not c.has_group or p_user_id is not null or not v_caller.sees_org or b.severity in ('warning', 'critical')
        )
    end
  ),
  hours as materialized (
    select h.series_id, h.counts, h.slots
    from (
      select
        array_agg(s.series_id) as ids,
        array_agg(s.closed_to - make_interval(hours => p_hours)) as starts,
        array_agg(s.closed_to) as ends
      from shown as s
    ) as a
    cross join lateral syncwell._volume_hours(v_caller.org_id, a.ids, a.starts, a.ends) as h
    where a.ids is not null
  )
  select
    s.source,
    s.platform,
    s.stream_id,
    s.closed_to - make_interval(hours => p_hours - v.n::integer + 1),
    v.volume::numeric,
    n.expected,
    n.lower_bound,
    n.upper_bound,
    case
      when (s.b).upper is null then 'learning'
      when s.closed_to - make_interval(hours => p_hours - v.n::integer + 1) >= (s.b).since then (s.b).severity
      else 'none'
    end
  from shown as s
  join hours as h on h.series_id = s.series_id
  cross join lateral unnest(h.counts, h.slots) with ordinality as v (volume, slot, n)
  left join lateral syncwell._volume_bounds(
    (s.b).upper[v.slot + 1], (s.b).lower[v.slot + 1], (s.b).surge_quantiles[1], (s.b).surge_scales[1],
    (s.b).drop_limits[1], v_minimum
  ) as n
    on (s.b).upper is not null
  order by s.source, s.platform nulls last, s.stream_id nulls first, v.n;
end
$$;
comment on function syncwell.get_volume_timeline(text, integer, uuid) is
'The volume of each of the last p_hours (1 to 2160, default 168) whole hours beside what is expected, as '
'calculate_data_drift() has it, oldest first. p_user_id NULL = everything the caller may see: for callers who see '
'the org all streams of a source and platform together (stream_id NULL) where these are several, of these alone only '
'what is significant now. p_source NULL = every source. actual: NULL for hours left out (paused, excluded, not '
'evaluated). severity: of what is significant now, in its hours; learning where nothing is learned yet. Asking about '
'another user is written to the access log. Errors: 22023 (p_hours), SW001, SW002, 25006 (another user, in a '
'read-only transaction).';
revoke all on function syncwell.get_volume_timeline(text, integer, uuid) from public;
grant execute on function syncwell.get_volume_timeline(text, integer, uuid) to syncwell_client, syncwell_reader;
