create or replace function syncwell._total_new_hours()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  with kept as materialized (
    select r.org_id, syncwell._now() - syncwell._setting(r.org_id, 'metrics.retention')::interval as since
    from (select distinct n.org_id from new_rows as n where n.period = 'hour') as r
  ),
  hours as materialized (
    select n.*
    from new_rows as n
    join kept as k on k.org_id = n.org_id
    where n.period = 'hour'
      -- one before that was counted, and dropped, already
      and n.period_start >= k.since
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
    select h.org_id, 'sync_run_duration_seconds_bucket', h.source, syncwell._duration_bucket(b.index), sum(b.n)
    from hours as h
    cross join lateral unnest(-1 || (h.durations).indexes, (h.durations).zeros || (h.durations).counts) as b (index, n)
    where b.n > 0
    group by h.org_id, h.source, 4
  )
  insert into syncwell.metric_totals as t (org_id, metric, source, label, value)
  select g.org_id, g.metric, g.source, g.label, g.value
  from totals as g
  order by g.org_id, g.metric, g.source, g.label
  on conflict (org_id, metric, source, label) do update set value = t.value + excluded.value;
  return null;
end
$$;
comment on function syncwell._total_new_hours() is
'Trigger of sync_metrics: adds hours that were counted for the first time to metric_totals.';
revoke all on function syncwell._total_new_hours() from public;
