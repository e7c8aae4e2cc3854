create or replace function syncwell._recount_queue(
  p_org_id uuid,
  p_stream_id uuid
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  -- a statement of its own, so that the next one sees what whoever held it before has written
  perform from syncwell.stream_states as t
  where t.org_id = p_org_id and t.stream_id = p_stream_id
  for no key update;
  update syncwell.stream_states as t
  set
    queue_depth = d.depth,
    queue_oldest_at = d.oldest_at,
    queue_reported_at = case when d.devices > 0 then t.queue_reported_at end
  from (
    -- two devices may tell more than a bigint holds
    select
      count(*) as devices,
      case when count(h.queue_depth) > 0 then least(sum(h.queue_depth), 9223372036854775807)::bigint end as depth,
      min(h.oldest_pending_at) as oldest_at
    from syncwell.sync_health as h
    where h.org_id = p_org_id and h.stream_id = p_stream_id
  ) as d
  where t.org_id = p_org_id and t.stream_id = p_stream_id;
end
$$;
comment on function syncwell._recount_queue(uuid, uuid) is
'Takes queue_depth and queue_oldest_at of a stream from what its devices last told (nothing is known where there is '
'none): also for whoever deletes rows of sync_health.';
revoke all on function syncwell._recount_queue(uuid, uuid) from public;
