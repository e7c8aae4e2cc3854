create or replace function syncwell._recent_runs(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_sample integer
)
returns table (
  event_id uuid,
  stream_id uuid,
  source text,
  sync_type text,
  status text,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint,
  items_processed bigint,
  platform text,
  network_type text,
  error_type text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select e.id, e.stream_id, e.source::text, e.sync_type::text, e.status::text, e.started_at, e.completed_at,
    e.duration_ms, e.items_processed, e.platform::text, e.network_type::text, e.error_type::text
  from unnest(p_stream_ids) as s (stream_id)
  cross join lateral (
    select r.*
    from syncwell.sync_events as r
    where r.org_id = p_org_id
      and r.stream_id = s.stream_id
      and r.status in ('success', 'partial', 'failed', 'timeout')
    order by r.id desc
    limit p_sample
  ) as e;
end
$$;
comment on function syncwell._recent_runs(uuid, uuid[], integer) is
'The newest p_sample runs of each stream that ended with an outcome (success, partial, failed, timeout): '
'a bounded number of rows however long the history is.';
revoke all on function syncwell._recent_runs(uuid, uuid[], integer) from public;
