create or replace function syncwell.refresh_sync_metrics(p_limit integer default 10000)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_ids uuid[];
  v_stream_ids uuid[];
  v_hours timestamptz[];
  v_ends timestamptz[];
  v_counted bigint;
begin
  if p_limit is null or p_limit not between 1 and 1000000 then
    raise exception using
      errcode = case when p_limit is null then '22004' else '22023' end,
      message = 'a limit from 1 to 1000000 is needed',
      detail = format('p_limit is %s.', coalesce(p_limit::text, 'NULL')),
      hint = 'Leave it out for 10000 hours of streams.';
  end if;
  -- one at a time: an older snapshot must not overwrite what a newer one counted
  perform from syncwell.maintenance_tasks as t where t.task = 'metrics' for no key update skip locked;
  if not found then
    return 0;
  end if;

  -- a run that commits after this statement brings a mark of its own
  with taken as (
    delete from syncwell.sync_metrics_dirty as d
    using (
      select m.org_id, m.stream_id, m.hour
      from syncwell.sync_metrics_dirty as m
      group by m.org_id, m.stream_id, m.hour
      limit p_limit
    ) as k
    where d.org_id = k.org_id and d.stream_id = k.stream_id and d.hour = k.hour
    returning d.org_id, d.stream_id, d.hour
  )
  select
    array_agg(t.org_id order by t.org_id, t.stream_id, t.hour),
    array_agg(t.stream_id order by t.org_id, t.stream_id, t.hour),
    array_agg(t.hour order by t.org_id, t.stream_id, t.hour),
    array_agg(t.hour + interval '1 hour' order by t.org_id, t.stream_id, t.hour),
    count(*)
  into v_org_ids, v_stream_ids, v_hours, v_ends, v_counted
  from (select distinct t.org_id, t.stream_id, t.hour from taken as t) as t;
  if v_counted = 0 then
    return 0;
  end if;

  perform syncwell._store_metrics('hour', null, v_org_ids, v_stream_ids, v_hours, v_ends, v_now);
  perform syncwell._refresh_days(v_org_ids, v_stream_ids, v_hours, v_now);
  return v_counted;
end
$$;
comment on function syncwell.refresh_sync_metrics(integer) is
'Brings the metrics up to date: counts the hours again in which runs were written since, at most p_limit hours of '
'streams (default 10000, 1 to 1000000), then the days and weeks they lie in. Exact however writers overlap: a mark '
'commits with its run. Returns how many hours it counted; 0 when nothing is left, or somebody else is at it. Call it '
'until it returns 0; maintenance does. Needs no call for figures to be right: what is marked is counted when it is '
'read. Errors: 22004, 22023.';
revoke all on function syncwell.refresh_sync_metrics(integer) from public;
grant execute on function syncwell.refresh_sync_metrics(integer) to syncwell_operator;
