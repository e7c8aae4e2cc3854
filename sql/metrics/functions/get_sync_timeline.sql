create or replace function syncwell.get_sync_timeline(
  p_source text default null,
  p_hours integer default 24,
  p_user_id uuid default null
)
returns table (
  hour timestamptz,
  total bigint,
  successful bigint,
  failed bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last constant timestamptz := date_trunc('hour', syncwell._now(), 'UTC');
  v_first timestamptz;
  v_org_id uuid;
  v_stream_ids uuid[];
begin
  perform syncwell._check_limit(p_hours);
  v_first := v_last - make_interval(hours => p_hours - 1);

  select s.org_id, array_agg(s.stream_id) into v_org_id, v_stream_ids
  from syncwell._visible_streams(p_source, p_user_id) as s
  group by s.org_id;
  if v_org_id is null then
    return;
  end if;

  return query
  with runs as (
    select
      date_trunc('hour', e.started_at, 'UTC') as hour,
      count(*) as total,
      count(*) filter (where e.status in ('success', 'partial')) as successful,
      count(*) filter (where e.status in ('failed', 'timeout')) as failed
    from unnest(v_stream_ids) as s (stream_id)
    cross join lateral (
      select r.status, r.started_at
      from syncwell.sync_events as r
      where r.org_id = v_org_id
        and r.stream_id = s.stream_id
        and r.id >= syncwell._uuid7_floor(v_first)
      offset 0
    ) as e
    group by 1
  )
  select h.hour, coalesce(r.total, 0), coalesce(r.successful, 0), coalesce(r.failed, 0)
  from generate_series(v_first, v_last, interval '1 hour') as h (hour)
  left join runs as r on r.hour = h.hour
  order by h.hour;
end
$$;
comment on function syncwell.get_sync_timeline(text, integer, uuid) is
'Runs per hour, oldest first, an hour without runs as a row of zeros. p_source NULL = all; p_hours = how many hours '
'back, the current one included (default 24, 1 to 1000); p_user_id NULL = everything the caller may see. total: runs '
'started in the hour, the open and cancelled ones too; successful: success and partial; failed: failed and timeout. '
'No rows when no stream matches. Errors: 22004, 22023 (p_hours), SW001, SW002.';
revoke all on function syncwell.get_sync_timeline(text, integer, uuid) from public;
grant execute on function syncwell.get_sync_timeline(text, integer, uuid) to syncwell_client, syncwell_reader;
