create or replace function syncwell._uptime(
  p_source text default null,
  p_user_id uuid default null,
  p_days integer default 30
)
returns table (
  source text,
  streams bigint,
  good_seconds numeric,
  down_seconds numeric,
  unknown_seconds numeric,
  excluded_seconds numeric,
  paused_seconds numeric,
  uptime numeric,
  runs bigint,
  run_success_rate numeric,
  slo numeric,
  slo_met boolean
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_from timestamptz;
  v_org_id uuid;
  v_stream_ids uuid[];
  v_zone text;
  v_midnight timestamptz;
  v_tomorrow timestamptz;
  v_seconds numeric;
begin
  perform syncwell._check_days(p_days);
  v_from := v_now - make_interval(hours => 24 * p_days);
  v_seconds := 86400 * p_days;
  select s.org_id, array_agg(s.stream_id) into v_org_id, v_stream_ids
  from syncwell._visible_streams(p_source, p_user_id) as s
  group by s.org_id;
  if v_org_id is null then
    return;
  end if;
  select o.time_zone into v_zone from syncwell.orgs as o where o.org_id = v_org_id;
  -- hours up to the first midnight of the stored days; where that is on no full hour, of UTC
  if not syncwell._begins_on_the_hour(v_zone, v_now) then
    v_zone := 'UTC';
  end if;
  v_midnight := (date_trunc('day', v_from at time zone v_zone) + interval '1 day') at time zone v_zone;
  v_tomorrow := (date_trunc('day', v_now at time zone v_zone) + interval '1 day') at time zone v_zone;

  return query
  with streams as materialized (
    select s.stream_id, s.source, s.slo
    from syncwell.streams as s
    where s.org_id = v_org_id and s.stream_id = any(v_stream_ids)
  ),
  times as (
    select
      t.stream_id,
      sum(t.seconds) filter (where t.kind in ('healthy', 'late', 'degraded')) as good,
      sum(t.seconds) filter (where t.kind = 'unhealthy') as down,
      sum(t.seconds) filter (where t.kind = 'excluded') as excluded,
      sum(t.seconds) filter (where t.kind = 'paused') as paused
    from (
      select
        p.stream_id,
        case when p.mode in ('excluded', 'paused') then p.mode else p.status end as kind,
        extract(epoch from p.ends_at - p.starts_at) as seconds
      from syncwell._state_stretches(v_org_id, v_stream_ids, v_from, v_now) as p
    ) as t
    group by t.stream_id
  ),
  counts as (
    select m.stream_id, sum(m.total)::bigint as total, sum(m.successful) as successful, sum(m.failed) as failed
    from (
      select h.stream_id, h.total, h.successful, h.failed
      from syncwell._metric_rows(
        v_org_id, v_stream_ids, 'hour', date_trunc('hour', v_from, 'UTC'), v_midnight, 'UTC'
      ) as h
      union all
      select d.stream_id, d.total, d.successful, d.failed
      from syncwell._metric_rows(v_org_id, v_stream_ids, 'day', v_midnight, v_tomorrow, v_zone) as d
    ) as m
    group by m.stream_id
  ),
  sums as (
    select
      s.source,
      count(*) as streams,
      coalesce(sum(t.good), 0) as good,
      coalesce(sum(t.down), 0) as down,
      coalesce(sum(t.excluded), 0) as excluded,
      coalesce(sum(t.paused), 0) as paused,
      coalesce(sum(c.total), 0)::bigint as runs,
      sum(c.successful) / nullif(sum(c.successful + c.failed), 0) as success_rate,
      max(s.slo) as slo,
      bool_and(c.successful / nullif(c.successful + c.failed, 0) >= s.slo) as slo_met
    from streams as s
    left join times as t on t.stream_id = s.stream_id
    left join counts as c on c.stream_id = s.stream_id
    group by grouping sets ((s.source), ())
  )
  select
    s.source,
    s.streams,
    round(s.good, 3),
    round(s.down, 3),
    v_seconds * s.streams - round(s.good, 3) - round(s.down, 3) - round(s.excluded, 3) - round(s.paused, 3),
    round(s.excluded, 3),
    round(s.paused, 3),
    s.good / nullif(s.good + s.down, 0),
    s.runs,
    s.success_rate,
    s.slo,
    s.slo_met
  from sums as s
  order by s.source is not null, s.source;
end
$$;
comment on function syncwell._uptime(text, uuid, integer) is
'What get_uptime() returns, as of the snapshot of the statement that asks: analyze_sync_health() puts several '
'together. Errors: SW001, SW002, 22004, 22023 (p_days).';
revoke all on function syncwell._uptime(text, uuid, integer) from public;
