create or replace function syncwell._source_drift(
  p_org_id uuid,
  p_stream_ids uuid[]
)
returns table (
  source text,
  drift_percent numeric
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  with closed as materialized (
    select c.series_id, c.source, c.closed_to, b.upper, b.lower
    from syncwell._volume_closed(p_org_id, v_now) as c
    join syncwell.volume_baselines as b on b.org_id = p_org_id and b.series_id = c.series_id
    where c.stream_id = any(p_stream_ids) and b.upper is not null
  ),
  hours as (
    select h.series_id, h.counts, h.slots
    from (
      select
        array_agg(c.series_id) as ids,
        array_agg(c.closed_to - interval '24 hours') as starts,
        array_agg(c.closed_to) as ends
      from closed as c
    ) as a
    cross join lateral syncwell._volume_hours(p_org_id, a.ids, a.starts, a.ends) as h
    where a.ids is not null
  ),
  windows as (
    select c.source, sum(w.actual[3]) as actual, sum((w.upper[3] + w.lower[3]) / 2) as expected
    from closed as c
    join hours as h on h.series_id = c.series_id
    cross join lateral syncwell._volume_windows(c.upper, c.lower, h.counts, h.slots) as w
    group by c.source
  )
  select w.source, round((100 * (w.actual - w.expected) / nullif(w.expected, 0))::numeric, 1)
  from windows as w;
end
$$;
comment on function syncwell._source_drift(uuid, uuid[]) is
'How far the volume of the last 24 closed hours of these streams of an org is from what is expected, in percent, all '
'streams of a source together; only of what was learned. NULL: nothing is expected.';
revoke all on function syncwell._source_drift(uuid, uuid[]) from public;
