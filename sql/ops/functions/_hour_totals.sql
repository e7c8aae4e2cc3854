create or replace function syncwell._hour_totals(
  p_total numeric,
  p_successful numeric,
  p_failed numeric,
  p_items numeric,
  p_duration_total numeric
)
returns table (
  metric text,
  label text,
  value numeric
)
-- unpinned: written into the statement that calls it
language sql immutable security invoker rows 5
as $$
  select v.metric, v.label, v.value
  from (
    values
    ('sync_runs_started_total', '', p_total),
    ('sync_runs_total', 'success', p_successful),
    ('sync_runs_total', 'failed', p_failed),
    ('sync_items_total', '', p_items),
    ('sync_run_duration_seconds_sum', '', p_duration_total)
  ) as v (metric, label, value)
  where v.value > 0
$$;
comment on function syncwell._hour_totals(numeric, numeric, numeric, numeric, numeric) is
'What hours of sync_metrics add to metric_totals beside the buckets of durations.';
revoke all on function syncwell._hour_totals(numeric, numeric, numeric, numeric, numeric) from public;
