create or replace function syncwell._verify_work()
returns setof syncwell.install_finding
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  select
    'maintenance',
    case when r.state = 'failed' then 'error' else 'warning' end,
    'duty ' || r.duty,
    case r.state
      when 'failed' then format('It failed %s times in a row: %s %s', r.failures, r.error_code, r.error)
      when 'overdue' then format('It was last done at %s.', r.succeeded_at)
      else 'It was never done.'
    end,
    'Have a scheduler call syncwell.run_maintenance() every minute, or select syncwell.schedule_maintenance().'
  from syncwell.get_maintenance_report() as r
  where r.state <> 'done'
  union all
  select
    'rollups',
    'warning',
    'table syncwell.sync_metrics',
    format('%s hours in which runs were written are not counted yet.', count(*)),
    'call syncwell.run_maintenance(''metrics'', true)'
  from syncwell.sync_metrics_dirty as d
  having
    count(*) > 0
    and not exists (
      select from syncwell.maintenance_duties as m
      where m.duty = 'metrics' and m.succeeded_at > v_now - interval '15 minutes'
    )
  union all
  select
    'evaluation',
    'warning',
    'health',
    format('%s orgs with streams were not evaluated for three intervals.', count(*)),
    'call syncwell.run_maintenance(''evaluate_health'', true)'
  from syncwell.orgs as o
  left join syncwell.health_evaluations as e on e.org_id = o.org_id
  where
    exists (select from syncwell.streams as s where s.org_id = o.org_id and s.retired_at is null)
    and coalesce(e.evaluated_at, '-infinity')
    < v_now - 3 * syncwell._setting(o.org_id, 'health.evaluation_interval')::interval
  having count(*) > 0
  union all
  select 'tracking', 'error', 'table ' || t.relation, t.problem, t.hint
  from syncwell.check_tracking() as t;
end
$$;
comment on function syncwell._verify_work() is
'What is not being done: duties that fail or never run, rollups and evaluation that lag, tables that are not tracked.';
revoke all on function syncwell._verify_work() from public;
