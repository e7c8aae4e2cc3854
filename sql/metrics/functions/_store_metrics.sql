create or replace function syncwell._store_metrics(
  p_period text,
  p_from_period text,
  p_org_ids uuid[],
  p_stream_ids uuid[],
  p_from timestamptz[],
  p_to timestamptz[],
  p_now timestamptz
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_stored bigint;
begin
  with counted as materialized (
    select c.* from syncwell._count_runs(p_org_ids, p_stream_ids, p_from, p_to) as c where p_from_period is null
    union all
    select m.*
    from syncwell._merge_metrics(p_from_period, p_org_ids, p_stream_ids, p_from, p_to) as m
    where p_from_period is not null
  ),
  emptied as (
    delete from syncwell.sync_metrics as m
    using unnest(p_org_ids, p_stream_ids, p_from) as k (org_id, stream_id, period_start)
    where m.org_id = k.org_id
      and m.stream_id = k.stream_id
      and m.period = p_period
      and m.period_start = k.period_start
      -- of runs that are past their retention nothing is left to count
      and (
        p_from_period is not null
        or m.period_start >= p_now - syncwell._setting(m.org_id, 'runs.retention')::interval
      )
      and not exists (
        select from counted as c
        where c.org_id = k.org_id and c.stream_id = k.stream_id and c.period_start = k.period_start
      )
  )
  insert into syncwell.sync_metrics as m (
    org_id, stream_id, period, period_start, user_id, source, total, successful, failed, items, duration_total,
    durations, computed_at
  )
  select
    c.org_id, c.stream_id, p_period, c.period_start, s.user_id, s.source, c.total, c.successful, c.failed, c.items,
    c.duration_total, c.durations, p_now
  from counted as c
  join syncwell.streams as s on s.org_id = c.org_id and s.stream_id = c.stream_id
  on conflict (org_id, stream_id, period, period_start) do update
  set
    total = excluded.total,
    successful = excluded.successful,
    failed = excluded.failed,
    items = excluded.items,
    duration_total = excluded.duration_total,
    durations = excluded.durations,
    computed_at = excluded.computed_at
  where p_from_period is not null
    or excluded.total >= m.total
    or m.period_start >= p_now - syncwell._setting(m.org_id, 'runs.retention')::interval;
  get diagnostics v_stored = row_count;
  return v_stored;
end
$$;
comment on function
syncwell._store_metrics(text, text, uuid[], uuid[], timestamptz[], timestamptz[], timestamptz) is
'Counts spans anew and stores them as rows of p_period: from the runs (p_from_period NULL) or from stored hours or '
'days. Spans without runs lose their row; hours past the retention of runs only grow. Returns the rows stored.';
revoke all on function
syncwell._store_metrics(text, text, uuid[], uuid[], timestamptz[], timestamptz[], timestamptz) from public;
