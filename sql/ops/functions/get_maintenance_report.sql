create or replace function syncwell.get_maintenance_report()
returns table (
  duty text,
  task text,
  domain text,
  description text,
  state text,
  started_at timestamptz,
  duration_ms bigint,
  affected bigint,
  error_code text,
  error text,
  failures integer,
  succeeded_at timestamptz,
  due_at timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select
    d.duty,
    t.task,
    t.domain,
    t.description,
    case
      when s.started_at is null then 'never'
      when s.error_code is not null then 'failed'
      when s.finished_at + 3 * d.runs_every < syncwell._now() then 'overdue'
      else 'done'
    end,
    s.started_at,
    round(extract(epoch from s.finished_at - s.started_at) * 1000)::bigint,
    s.affected,
    s.error_code,
    s.error,
    coalesce(s.failures, 0),
    s.succeeded_at,
    coalesce(s.finished_at + d.runs_every, syncwell._now())
  from syncwell._duties() as d
  join syncwell.maintenance_tasks as t on t.task = d.task
  left join syncwell.maintenance_duties as s on s.duty = d.duty
  order by (s.error_code is null), s.finished_at nulls first, d.duty;
end
$$;
comment on function syncwell.get_maintenance_report() is
'How each duty of maintenance last went, failed ones first. state: done, failed, overdue (not done for three times '
'its interval) or never; duration_ms in milliseconds; affected: how much it did, mostly rows; failures: how often it '
'failed since it last went well; due_at: when run_maintenance() does it again.';
revoke all on function syncwell.get_maintenance_report() from public;
grant execute on function syncwell.get_maintenance_report() to syncwell_operator;
