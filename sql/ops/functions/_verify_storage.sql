create or replace function syncwell._verify_storage()
returns setof syncwell.install_finding
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- months are UTC months, whatever the session's time zone
set timezone = 'UTC'
as $$
begin
  return query
  select
    'partitions',
    case when p.is_default then 'warning' else 'error' end,
    format('table syncwell.%I', p.partition_name),
    p.finding,
    'call syncwell.run_maintenance(''partitions'', true)'
  from syncwell.partition_health() as p
  where p.finding is not null
  union all
  select
    'partitions',
    'error',
    format('table syncwell.%I', t.table_name),
    format('There is none for %s: its rows go to the default one.', to_char(m.month at time zone 'UTC', 'YYYY-MM')),
    'call syncwell.run_maintenance(''partitions'', true)'
  from syncwell.partitioned_tables as t
  cross join generate_series(0, 1) as a (ahead)
  cross join lateral (
    select date_trunc('month', syncwell._now(), 'UTC') + make_interval(months => a.ahead)
  ) as m (month)
  where not exists (select from syncwell._partitions(t.table_name) as p where p.month = m.month)
  union all
  select 'tables', case h.finding when 'needs vacuum' then 'warning' when 'needs reindex' then 'warning' else 'error' end,
    h.relation, h.finding || ': ' || h.detail, h.remedy
  from syncwell.get_table_health() as h;
end
$$;
comment on function syncwell._verify_storage() is
'Partitions that are missing or hold what they should not, tables and indexes that need attention.';
revoke all on function syncwell._verify_storage() from public;
