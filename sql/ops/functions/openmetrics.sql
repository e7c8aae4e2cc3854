create or replace function syncwell.openmetrics(p_format text default 'openmetrics')
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
  v_is_open boolean;
begin
  if p_format is null or p_format not in ('openmetrics', 'prometheus') then
    raise exception using
      errcode = case when p_format is null then '22004' else '22023' end,
      message = 'unknown format',
      detail = format('p_format is %s.', coalesce(quote_literal(left(p_format, 100)), 'NULL')),
      hint = 'openmetrics, or prometheus for its older text format.';
  end if;
  v_is_open := p_format = 'openmetrics';

  return (
    with families as (
      select
        f.metric, f.place,
        -- a counter's family has the name without _total, an info's that without _info; the older format has no info
        format(
          E'# HELP %1$s %2$s\n# TYPE %1$s %3$s\n%4$s',
          n.name, f.help, case when f.kind = 'info' and not v_is_open then 'gauge' else f.kind end,
          case when v_is_open and n.unit is not null then format(E'# UNIT %s %s\n', n.name, n.unit) else '' end
        ) as head
      from syncwell._metric_families() as f
      cross join lateral (
        select
          case when v_is_open and f.kind in ('counter', 'info') then regexp_replace(f.metric, '_(total|info)$', '')
            else f.metric
          end as name,
          substring(f.metric from '_(seconds|ratio)$') as unit
      ) as n
    ),
    lines as (
      select
        f.place, f.head,
        string_agg(
          s.sample || coalesce(syncwell._metric_labels(s.labels), '') || ' '
          || case s.value when 'infinity' then '+Inf' when '-infinity' then '-Inf' else s.value::text end || E'\n',
          '' order by s.labels - 'le' - 'state', s.place, s.labels
        ) as body
      from syncwell._metric_samples() as s
      join families as f on f.metric = s.metric
      group by f.place, f.head
    )
    select string_agg(l.head || l.body, '' order by l.place) || case when v_is_open then E'# EOF\n' else '' end
    from lines as l
  );
end
$$;
comment on function syncwell.openmetrics(text) is
'Metrics for Prometheus: the text of a scrape. p_format: openmetrics (default), which ends with # EOF, or prometheus, '
'its older text format 0.0.4. Counters never go back, whatever is dropped, erased or counted again; they count what '
'refresh_sync_metrics() has counted, which maintenance calls every minute (sync_rollup_lag_seconds). States are as '
'evaluate_health() last left them. Labels: source, and state, status, kind, severity, le or table; neither users nor, '
'unless setting ops.metrics_by_org is on, orgs. Whose: the caller''s org; all orgs together for an operator, and for '
'a gateway that acts for nobody. Read from kept rows: what it costs grows with the streams and with what waits and '
'runs now, not with history. Errors: SW001, 42501 for members, 22004, 22023 (p_format).';
revoke all on function syncwell.openmetrics(text) from public;
grant execute on function syncwell.openmetrics(text) to syncwell_reader, syncwell_operator;
