create or replace function syncwell._work_samples(
  p_org_id uuid,
  p_by_org boolean
)
returns setof syncwell.metric_sample
language plpgsql stable security invoker rows 100
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  with circuits as (
    select
      o.org_id, c.source,
      -- of several orgs the worst
      max(array_position(array['closed', 'half_open', 'open'], c.state)) as worst
    from syncwell.circuits as c
    cross join lateral (select case when p_by_org then c.org_id end as org_id) as o
    where p_org_id is null or c.org_id = p_org_id
    group by o.org_id, c.source
  ),
  sources as materialized (
    select distinct s.org_id, s.source
    from syncwell.streams as s
    where s.retired_at is null and (p_org_id is null or s.org_id = p_org_id)
  ),
  queue as materialized (
    select
      o.org_id, n.source, s.state, count(*) as operations,
      extract(epoch from min(q.run_at)) as since
    from syncwell.sync_queue as q
    left join sources as k on k.org_id = q.org_id and k.source = q.source
    -- users name the system freely: a name of theirs that is no source is no label of its own
    cross join lateral (
      select case when q.user_id is null or k.source is not null then q.source else 'other' end as source
    ) as n
    cross join lateral (
      select
        case
          when q.status <> 'pending' then q.status
          when q.blockers > 0 then 'blocked'
          when q.run_at <= v_now then 'ready'
          when q.last_failed_at is not null then 'retrying'
          else 'scheduled'
        end as state
    ) as s
    cross join lateral (select case when p_by_org then q.org_id end as org_id) as o
    where p_org_id is null or q.org_id = p_org_id
    group by o.org_id, n.source, s.state
  )
  select
    c.org_id, 'sync_circuit_state', 'sync_circuit_state',
    jsonb_build_object('source', c.source, 'state', s.state), s.rank::integer,
    case when s.rank = c.worst then 1 else 0 end::double precision
  from circuits as c
  cross join unnest(array['closed', 'half_open', 'open']) with ordinality as s (state, rank)
  union all
  select
    k.org_id, 'sync_queue_items', 'sync_queue_items',
    jsonb_build_object('source', k.source, 'state', s.state), s.rank::integer, coalesce(q.operations, 0)
  from (select distinct d.org_id, d.source from queue as d) as k
  cross join
    unnest(array['ready', 'scheduled', 'retrying', 'blocked', 'processing', 'dead']) with ordinality as s (state, rank)
  left join queue as q on q.source = k.source and q.org_id is not distinct from k.org_id and q.state = s.state
  union all
  select
    q.org_id, 'sync_queue_oldest_ready_timestamp_seconds', 'sync_queue_oldest_ready_timestamp_seconds',
    jsonb_build_object('source', q.source), 0, q.since::double precision
  from queue as q
  where q.state = 'ready'
  union all
  select
    o.org_id, 'sync_issues_open', 'sync_issues_open',
    jsonb_strip_nulls(jsonb_build_object('source', i.source, 'kind', i.issue_type, 'severity', i.severity)), 0,
    count(*)::double precision
  from syncwell.sync_issues as i
  cross join lateral (select case when p_by_org then i.org_id end as org_id) as o
  where i.state <> 'resolved' and (p_org_id is null or i.org_id = p_org_id)
  group by o.org_id, i.source, i.issue_type, i.severity;
end
$$;
comment on function syncwell._work_samples(uuid, boolean) is
'What waits, is held back or open for each source; of an org, or of all (p_org_id NULL), summed up or each org''s own '
'(p_by_org).';
revoke all on function syncwell._work_samples(uuid, boolean) from public;
