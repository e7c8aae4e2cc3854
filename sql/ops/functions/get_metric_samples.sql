create or replace function syncwell.get_metric_samples(p_metric text default null)
returns table (
  metric text,
  sample text,
  labels jsonb,
  value double precision
)
language plpgsql stable security definer rows 300
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select s.metric, s.sample, s.labels, s.value
  from syncwell._metric_samples(p_metric) as s
  join syncwell._metric_families() as f on f.metric = s.metric
  order by f.place, s.labels - 'le' - 'state', s.place, s.labels;
end
$$;
comment on function syncwell.get_metric_samples(text) is
'What openmetrics() tells, as rows, for exporters that ask with SQL: sql_exporter, a dashboard. p_metric: this metric '
'only, e.g. sync_runs_total; NULL = all; an unknown one gives no rows. sample: the name of the sample, which differs '
'from metric in histograms (_bucket, _count, _sum); labels: its labels, as a document of texts; value: seconds, '
'ratios (1 = 100 %), Unix times or counts. Whose: the caller''s org; all orgs together for an operator, and for a '
'gateway that acts for nobody, by a label org where setting ops.metrics_by_org is on. Errors: SW001, 42501 for '
'members.';
revoke all on function syncwell.get_metric_samples(text) from public;
grant execute on function syncwell.get_metric_samples(text) to syncwell_reader, syncwell_operator;
