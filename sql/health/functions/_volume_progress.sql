create or replace function syncwell._volume_progress(
  p_org_id uuid,
  p_series_ids uuid[],
  p_now timestamptz
)
returns setof syncwell.volume_baselines
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_minimum double precision;
  v_critical numeric;
  v_due uuid[];
  v_from timestamptz[];
  v_to timestamptz[];
begin
  -- a check that did not run for long goes on with the last two days
  select
    array_agg(b.series_id), array_agg(greatest(b.checked_to, c.closed_to - interval '48 hours') - interval '23 hours'),
    array_agg(c.closed_to)
  into v_due, v_from, v_to
  from syncwell._volume_closed(p_org_id, p_now) as c
  join syncwell.volume_baselines as b on b.org_id = p_org_id and b.series_id = c.series_id
  where b.upper is not null
    and b.checked_to < c.closed_to
    and (p_series_ids is null or b.series_id = any(p_series_ids));
  if v_due is null then
    return;
  end if;
  v_minimum := syncwell._setting(p_org_id, 'health.drift_minimum')::double precision;
  v_critical := syncwell._setting(p_org_id, 'health.drift_critical')::numeric;

  return query
  with recursive hours as materialized (
    select h.series_id, h.counts, h.slots from syncwell._volume_hours(p_org_id, v_due, v_from, v_to) as h
  ),
  steps (series_id, step, baseline) as (
    select d.series_id, 0, b
    from unnest(v_due, v_from) as d (series_id, starts_at)
    join syncwell.volume_baselines as x on x.org_id = p_org_id and x.series_id = d.series_id
    cross join lateral (
      select
        (jsonb_populate_record(x, jsonb_build_object('checked_to', d.starts_at + interval '23 hours'))) as b
      where x.checked_to < d.starts_at + interval '23 hours'
      union all
      select x where x.checked_to = d.starts_at + interval '23 hours'
    ) as y (b)
    union all
    select
      s.series_id, s.step + 1,
      syncwell._volume_step(
        s.baseline, h.counts[s.step + 1:s.step + 24], h.slots[s.step + 1:s.step + 24], v_minimum, v_critical
      )
    from steps as s
    join hours as h on h.series_id = s.series_id
    where s.step + 24 <= cardinality(h.counts)
  ),
  last as (
    select distinct on (s.series_id) s.baseline from steps as s order by s.series_id, s.step desc
  )
  select (l.baseline).* from last as l;
end
$$;
comment on function syncwell._volume_progress(uuid, uuid[], timestamptz) is
'The baselines of an org (p_series_ids NULL: all) as they are after the hours that closed since their last check; only '
'those with such hours, of the last 48 at most. Writes nothing.';
revoke all on function syncwell._volume_progress(uuid, uuid[], timestamptz) from public;
