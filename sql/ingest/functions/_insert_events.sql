create or replace function syncwell._insert_events(
  p_org_id uuid,
  p_user_id uuid,
  p_stream_id uuid,
  p_source text,
  p_events syncwell.ingest_event[],
  p_now timestamptz,
  out names text[],
  out hours timestamptz[],
  out changes bigint[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  -- of the batch; its events' ids differ in a hash, since random digits for each would be dear
  v_id constant text := replace(syncwell._uuid7(p_now)::text, '-', '');
begin
  with keys as (
    insert into syncwell.data_event_keys as k (
      org_id, user_id, source, external_id, occurred_at, id, content_hash, written_at, ahead_at, received_at
    )
    select
      p_org_id, p_user_id, p_source, e.external_id, e.occurred_at,
      (left(v_id, 16) || '8' || substr(md5(v_id || e.external_id), 1, 15))::uuid,
      e.content_hash, least(e.client_at, p_now), case when e.client_at > p_now then e.client_at end, p_now
    from unnest(p_events) as e
    -- in one order, so that two batches never wait for each other in a circle
    order by e.external_id collate "C"
    on conflict (org_id, user_id, source, external_id) do nothing
    returning k.id, k.external_id
  ),
  stored as (
    insert into syncwell.data_events as s (
      org_id, id, stream_id, user_id, source, external_id, occurred_at, platform, data_source, session_id, payload,
      written_at, received_at
    )
    select
      p_org_id, k.id, p_stream_id, p_user_id, p_source, e.external_id, e.occurred_at, e.platform, e.data_source,
      e.session_id, e.payload, least(e.client_at, p_now), p_now
    from unnest(p_events) as e
    join keys as k on k.external_id = e.external_id
    returning s.external_id, s.occurred_at, s.data_source is not distinct from 'mock' as is_mock
  ),
  counted as (
    select date_trunc('hour', s.occurred_at, 'UTC') as hour, count(*) filter (where not s.is_mock) as events
    from stored as s
    group by 1
  )
  select array(select s.external_id from stored as s), array_agg(c.hour), array_agg(c.events)
  into names, hours, changes
  from counted as c;
end
$$;
comment on function syncwell._insert_events(uuid, uuid, uuid, text, syncwell.ingest_event[], timestamptz) is
'Stores events, each of another name, that are not known yet; returns the names of those that nobody else has stored '
'meanwhile, and how many events each hour has more.';
revoke all on function syncwell._insert_events(
  uuid, uuid, uuid, text, syncwell.ingest_event[], timestamptz
) from public;
