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
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last constant timestamptz := date_trunc('hour', syncwell._now(), 'UTC');
  v_first timestamptz;
  v_org_id uuid;
  v_stream_ids uuid[];
begin
  perform syncwell._note_access('get_sync_timeline', p_user_id);
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
      m.period_start as hour,
      sum(m.total)::bigint as total,
      sum(m.successful)::bigint as successful,
      sum(m.failed)::bigint as failed
    from syncwell._metric_rows(v_org_id, v_stream_ids, 'hour', v_first, v_last + interval '1 hour', null) as m
    group by m.period_start
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
'No rows when no stream matches. Asking about another user is written to the access log. Errors: 22004, 22023 '
'(p_hours), SW001, SW002, 25006 (another user, in a read-only transaction).';
revoke all on function syncwell.get_sync_timeline(text, integer, uuid) from public;
grant execute on function syncwell.get_sync_timeline(text, integer, uuid) to syncwell_client, syncwell_reader;
