create or replace function syncwell._orphan_homes(
  p_org_id uuid,
  p_session_ids uuid[]
)
returns table (
  orphan_id uuid,
  session_id uuid,
  by_name boolean
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  v_within constant interval := syncwell._setting(p_org_id, 'ingest.duplicate_within')::interval;
  v_orphan_after constant interval := syncwell._setting(p_org_id, 'ingest.orphan_after')::interval;
begin
  -- nearly always there are none
  perform from unnest(p_session_ids) as i (session_id)
  where exists (
    select from syncwell.session_counts as c
    where c.org_id = p_org_id and c.session_id = i.session_id and not c.has_session
  );
  if not found then
    return;
  end if;
  return query
  with orphans as materialized (
    select
      c.session_id, c.user_id, min(c.first_at) as first_at, max(c.last_at) as last_at,
      max(c.last_received_at) as last_received_at, sum(c.records) = sum(c.mock_records) as is_mock
    from unnest(p_session_ids) as i (session_id)
    join syncwell.session_counts as c on c.org_id = p_org_id and c.session_id = i.session_id
    where not c.has_session
      and not exists (
        select from syncwell.sync_sessions as s where s.org_id = p_org_id and s.session_id = c.session_id
      )
    group by c.session_id, c.user_id
  ),
  names as materialized (
    select l.user_id, l.server_id, syncwell._plain_local_id(l.local_id) as plain_id
    from (select distinct o.user_id from orphans as o) as u
    join syncwell.local_ids as l
      on l.org_id = p_org_id and l.user_id = u.user_id and l.entity_type = 'session'
  ),
  named as materialized (
    select o.session_id as orphan_id, min(s.session_id::text)::uuid as session_id, count(distinct s.session_id) as homes
    from orphans as o
    join names as n on n.server_id = o.session_id
    join names as h on h.user_id = n.user_id and h.plain_id = n.plain_id and h.server_id <> n.server_id
    join syncwell.sync_sessions as s
      on s.org_id = p_org_id and s.session_id = h.server_id and coalesce(s.data_source = 'mock', false) = o.is_mock
    group by o.session_id
  ),
  timed as (
    select o.session_id as orphan_id, min(h.session_id::text)::uuid as session_id, count(*) as homes
    from orphans as o
    cross join lateral (
      select s.session_id
      from syncwell.sync_sessions as s
      left join lateral (
        select max(c.last_at) as last_at
        from syncwell.session_counts as c
        where c.org_id = p_org_id and c.session_id = s.session_id
      ) as x on true
      where s.org_id = p_org_id
        and s.user_id = o.user_id
        and s.started_at between o.first_at - interval '1 day' and o.first_at + v_within
        and coalesce(s.ended_at, x.last_at, s.started_at) >= o.last_at - v_within
        and coalesce(s.data_source = 'mock', false) = o.is_mock
    ) as h
    where o.last_received_at < v_now - v_orphan_after
      and not exists (select from named as n where n.orphan_id = o.session_id)
    group by o.session_id
  )
  select n.orphan_id, n.session_id, true from named as n where n.homes = 1
  union all
  select t.orphan_id, t.session_id, false from timed as t where t.homes = 1;
end
$$;
comment on function syncwell._orphan_homes(uuid, uuid[]) is
'Of those of p_session_ids that nobody started, though records came for them: the one session of the user that must be '
'meant. by_name: a device spelled its local id otherwise; else no other session was on when the records were made, and '
'theirs has not come for setting ingest.orphan_after. Where several might be meant there is no row.';
revoke all on function syncwell._orphan_homes(uuid, uuid[]) from public;
