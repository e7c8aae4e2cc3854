create or replace function syncwell._total_changed_hours()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  with hours as materialized (
    -- an hour that lost runs takes nothing away, not even from what another one gained; grouped and not joined, for
    -- plans are kept, and one for few hours would loop over many
    select
      h.org_id,
      h.source,
      greatest(sum(h.sign * h.total), 0) as total,
      greatest(sum(h.sign * h.successful), 0) as successful,
      greatest(sum(h.sign * h.failed), 0) as failed,
      greatest(sum(h.sign * h.items), 0) as items,
      greatest(sum(h.sign * h.duration_total), 0) as duration_total,
      (array_agg(h.durations) filter (where h.sign = 1))[1] as durations,
      (array_agg(h.durations) filter (where h.sign = -1))[1] as old_durations
    from (
      select
        n.org_id, n.stream_id, n.period_start, n.source, 1 as sign,
        n.total, n.successful, n.failed, n.items, n.duration_total, n.durations
      from new_rows as n
      where n.period = 'hour'
      union all
      select
        o.org_id, o.stream_id, o.period_start, o.source, -1,
        o.total, o.successful, o.failed, o.items, o.duration_total, o.durations
      from old_rows as o
      where o.period = 'hour'
    ) as h
    group by h.org_id, h.stream_id, h.period_start, h.source
  ),
  totals as (
    select s.org_id, p.metric, s.source, p.label, p.value
    from (
      select
        h.org_id, h.source, sum(h.total) as total, sum(h.successful) as successful, sum(h.failed) as failed,
        sum(h.items) as items, sum(h.duration_total) as duration_total
      from hours as h
      group by h.org_id, h.source
    ) as s
    cross join lateral syncwell._hour_totals(s.total, s.successful, s.failed, s.items, s.duration_total) as p
    union all
    select h.org_id, 'sync_run_duration_seconds_bucket', h.source, b.label, sum(b.more)
    from hours as h
    cross join lateral (
      select syncwell._duration_bucket(d.index) as label, sum(d.n) as more
      from (
        select a.index, a.n
        from unnest(-1 || (h.durations).indexes, (h.durations).zeros || (h.durations).counts) as a (index, n)
        union all
        select r.index, -r.n
        from unnest(
          -1 || (h.old_durations).indexes, (h.old_durations).zeros || (h.old_durations).counts
        ) as r (index, n)
      ) as d
      group by 1
      having sum(d.n) > 0
    ) as b
    where h.durations is distinct from h.old_durations
    group by h.org_id, h.source, b.label
  )
  insert into syncwell.metric_totals as t (org_id, metric, source, label, value)
  select g.org_id, g.metric, g.source, g.label, g.value
  from totals as g
  order by g.org_id, g.metric, g.source, g.label
  on conflict (org_id, metric, source, label) do update set value = t.value + excluded.value;
  return null;
end
$$;
comment on function syncwell._total_changed_hours() is
'Trigger of sync_metrics: adds what hours gained that were counted again to metric_totals.';
revoke all on function syncwell._total_changed_hours() from public;
