create or replace function syncwell._correct_events(
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
-- planned for this user: the index finds the one or those of nobody, no plan both
set plan_cache_mode = force_custom_plan
as $$
begin
  -- a statement of its own, which sees what others wrote until they let the keys go
  with decided as materialized (
    select
      e.*, k.id as stored_id, k.occurred_at as stored_occurred_at, least(e.client_at, p_now) as written_at,
      syncwell._version_outcome(
        k.content_hash = e.content_hash, syncwell._version_id(e.content_hash, e.client_at),
        e.client_at, p_now, k.written_at, k.ahead_at, k.settled
      ) as outcome
    from unnest(p_events) as e
    join syncwell.data_event_keys as k
      on k.org_id = p_org_id
      and (k.user_id = p_user_id or (p_user_id is null and k.user_id is null))
      and k.source = p_source
      and k.external_id = e.external_id
  ),
  old as materialized (
    select d.stored_id, s.data_source
    from decided as d
    join syncwell.data_events as s
      on s.org_id = p_org_id and s.id = d.stored_id and s.occurred_at = d.stored_occurred_at
    where d.outcome in ('newer', 'again')
  ),
  keys as (
    update syncwell.data_event_keys as k
    set
      occurred_at = case when d.outcome in ('newer', 'again') then d.occurred_at else k.occurred_at end,
      content_hash = case when d.outcome in ('newer', 'again') then d.content_hash else k.content_hash end,
      written_at = case when d.outcome in ('newer', 'again') then d.written_at else k.written_at end,
      received_at = case when d.outcome in ('newer', 'again') then p_now else k.received_at end,
      ahead_at = case
        when d.outcome in ('newer', 'again') and d.client_at > p_now then d.client_at
        else k.ahead_at
      end,
      settled = syncwell._settled(
        k.settled,
        case
          when d.outcome = 'late' then array[syncwell._version_id(d.content_hash, d.client_at)]
          else array[
            case when k.written_at = k.received_at then syncwell._version_id(k.content_hash, k.ahead_at) end,
            case when k.written_at = d.written_at then syncwell._version_id(k.content_hash, k.written_at) end
          ]
        end
      )
    from decided as d
    where k.org_id = p_org_id
      and (k.user_id = p_user_id or (p_user_id is null and k.user_id is null))
      and k.source = p_source
      and k.external_id = d.external_id
      and d.outcome <> 'known'
  ),
  events as (
    update syncwell.data_events as s
    set
      occurred_at = d.occurred_at,
      platform = d.platform,
      data_source = d.data_source,
      session_id = d.session_id,
      payload = d.payload,
      written_at = d.written_at,
      received_at = p_now
    from decided as d
    where s.org_id = p_org_id
      and s.id = d.stored_id
      and s.occurred_at = d.stored_occurred_at
      and d.outcome in ('newer', 'again')
  ),
  -- of a month that was dropped since
  returned as (
    insert into syncwell.data_events (
      org_id, id, stream_id, user_id, source, external_id, occurred_at, platform, data_source, session_id, payload,
      written_at, received_at
    )
    select
      p_org_id, d.stored_id, p_stream_id, p_user_id, p_source, d.external_id, d.occurred_at, d.platform, d.data_source,
      d.session_id, d.payload, d.written_at, p_now
    from decided as d
    where d.outcome in ('newer', 'again') and not exists (select from old as o where o.stored_id = d.stored_id)
  ),
  moves as (
    select date_trunc('hour', d.stored_occurred_at, 'UTC') as hour, -1 as change
    from decided as d
    left join old as o on o.stored_id = d.stored_id
    where d.outcome in ('newer', 'again')
      -- what the row of a dropped month said is not known any more: made up or not it is what it was
      and case when o.stored_id is null then d.data_source else o.data_source end is distinct from 'mock'
    union all
    select date_trunc('hour', d.occurred_at, 'UTC'), 1
    from decided as d
    where d.outcome in ('newer', 'again') and d.data_source is distinct from 'mock'
  )
  select
    array(select d.external_id from decided as d where d.outcome in ('newer', 'again')),
    array_agg(m.hour),
    array_agg(m.change)
  into names, hours, changes
  from moves as m;
end
$$;
comment on function syncwell._correct_events(uuid, uuid, uuid, text, syncwell.ingest_event[], timestamptz) is
'What arrives for events that are stored, where it is not just a resend: the newer ones take their place, also in '
'another month; returns their names, and how many events each hour has more or less. What only must be remembered is. '
'p_events: each of another name. After _lock_events().';
revoke all on function syncwell._correct_events(
  uuid, uuid, uuid, text, syncwell.ingest_event[], timestamptz
) from public;
