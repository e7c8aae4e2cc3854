create or replace function syncwell._session_pairs(
  p_org_id uuid,
  p_session_ids uuid[],
  p_again boolean
)
returns table (
  user_id uuid,
  kept_id uuid,
  removed_id uuid,
  reason text,
  evidence jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_within constant interval := syncwell._setting(p_org_id, 'ingest.duplicate_within')::interval;
begin
  return query
  with near as materialized (
    select n.one, n.other, bool_or(n.by_name) as by_name
    from (
      select
        least(a.session_id, b.session_id) as one, greatest(a.session_id, b.session_id) as other,
        null::boolean as by_name
      from unnest(p_session_ids) as i (session_id)
      -- looked up one by one, however many there are of others
      cross join lateral (
        select s.session_id, s.user_id, s.started_at, s.data_source
        from syncwell.sync_sessions as s
        where s.org_id = p_org_id and s.session_id = i.session_id
        offset 0
      ) as a
      cross join lateral (
        select s.session_id
        from syncwell.sync_sessions as s
        where s.org_id = p_org_id
          and s.user_id = a.user_id
          and s.started_at between a.started_at - v_within and a.started_at + v_within
          and s.session_id <> a.session_id
          -- what is made up is nothing else
          and coalesce(s.data_source = 'mock', false) = coalesce(a.data_source = 'mock', false)
        -- nobody has more at once
        limit 10
      ) as b
      union all
      select h.orphan_id, h.session_id, h.by_name
      from syncwell._orphan_homes(p_org_id, p_session_ids) as h
    ) as n
    where p_again or not exists (
      select from syncwell.session_merges as m
      where m.org_id = p_org_id
        and m.reverted_at is not null
        and m.removed_id = any(array[n.one, n.other])
        and m.kept_id = any(array[n.one, n.other])
    )
    group by n.one, n.other
  ),
  held as materialized (
    select
      x.session_id, s.user_id as owner_id, s.status, s.started_at, s.created_at, s.local_id,
      syncwell._plain_local_id(s.local_id) as plain_id,
      coalesce(c.records, 0) as records, coalesce(c.readings, 0) as readings,
      c.first_reading, c.last_reading, c.first_at, coalesce(c.kinds, array[]::text[]) as kinds
    from (select n.one as session_id from near as n union select n.other from near as n) as x
    left join lateral (
      select y.user_id, y.status, y.started_at, y.created_at, y.local_id
      from syncwell.sync_sessions as y
      where y.org_id = p_org_id and y.session_id = x.session_id
      offset 0
    ) as s on true
    left join lateral (
      select
        sum(k.records)::bigint as records,
        sum(k.records) filter (where k.kind = 'reading')::bigint as readings,
        min(k.first_at) filter (where k.kind = 'reading') as first_reading,
        max(k.last_at) filter (where k.kind = 'reading') as last_reading,
        min(k.first_at) as first_at,
        array_agg(k.kind) as kinds
      from syncwell.session_counts as k
      where k.org_id = p_org_id and k.session_id = x.session_id
    ) as c on true
  ),
  -- the one with more records is kept, so that the fewest move; an orphan never
  pairs as materialized (
    select
      n.by_name, k as kept, r as removed,
      abs(extract(epoch from k.started_at - coalesce(r.started_at, r.first_at))) as seconds_apart
    from near as n
    join held as a on a.session_id = n.one
    join held as b on b.session_id = n.other
    cross join lateral (
      select
        case
          when b.started_at is null then true
          when a.started_at is null then false
          else
            (a.readings, a.records, a.status = 'completed', b.created_at, b.session_id)
            > (b.readings, b.records, b.status = 'completed', a.created_at, a.session_id)
        end as is_first
    ) as o
    join held as k on k.session_id = case when o.is_first then a.session_id else b.session_id end
    join held as r on r.session_id = case when o.is_first then b.session_id else a.session_id end
  ),
  compared as materialized (
    select p.*, e.compared, e.equal
    from pairs as p
    cross join lateral syncwell._shared_readings(
      p_org_id, case when (p.kept).readings > 0 and (p.removed).readings > 0 then (p.removed).session_id end,
      (p.kept).session_id,
      greatest((p.removed).first_reading, (p.kept).first_reading),
      least((p.removed).last_reading, (p.kept).last_reading)
    ) as e
  ),
  judged as (
    select
      c.*,
      case
        -- two full ones with different readings are two
        when c.compared is not null and (c.compared = 0 or 2 * c.equal < c.compared) then null
        when c.by_name then 'same_local_id'
        when not c.by_name then
          -- there is one of these in a session
          case
            when not exists (
              select from unnest((c.kept).kinds) as k (kind)
              where k.kind in ('survey_pre', 'survey_post') and k.kind = any((c.removed).kinds)
            ) then 'same_time'
          end
        when (c.kept).plain_id = (c.removed).plain_id then 'same_local_id'
        when c.compared is not null then 'same_records'
        when (c.kept).readings > 0 and (c.removed).status = 'completed' and (c.kept).status <> 'completed'
          then 'same_start'
        when c.seconds_apart <= 1 then 'same_start'
      end as reason
    from compared as c
  ),
  ranked as (
    select
      j.*,
      -- which session records are of is easier to say when it is there once
      (j.by_name is not null)::integer * 10
      + array_position(array['same_local_id', 'same_records', 'same_start', 'same_time'], j.reason) as place
    from judged as j
    where j.reason is not null
  ),
  -- each in one pair at most, the best of both: what is left over is looked at anew when that one is merged
  sides as (
    select
      r.*, s.session_id,
      row_number() over (
        partition by s.session_id
        order by r.place, r.seconds_apart, (r.kept).session_id, (r.removed).session_id
      ) as turn
    from ranked as r
    cross join lateral (values ((r.kept).session_id), ((r.removed).session_id)) as s (session_id)
  )
  select
    (s.kept).owner_id,
    (s.kept).session_id,
    (s.removed).session_id,
    min(s.reason),
    jsonb_strip_nulls(jsonb_build_object(
      'seconds_apart', round(min(s.seconds_apart), 3),
      'compared_readings', min(s.compared),
      'equal_readings', min(s.equal),
      'kept', jsonb_build_object(
        'local_id', (s.kept).local_id, 'status', (s.kept).status, 'readings', (s.kept).readings,
        'records', (s.kept).records
      ),
      'removed', jsonb_build_object(
        'local_id', (s.removed).local_id, 'status', (s.removed).status, 'readings', (s.removed).readings,
        'records', (s.removed).records
      )
    ))
  from sides as s
  where s.turn = 1
  group by s.kept, s.removed
  having count(*) = 2;
end
$$;
comment on function syncwell._session_pairs(uuid, uuid[], boolean) is
'Which of an org''s sessions are one and the same, of those of p_session_ids and what lies within setting '
'ingest.duplicate_within of their start; each is in one pair at most. reason, the surest first: same_local_id (but for '
'letter case and punctuation), same_records (half of the readings of the time they share are equal, in time and '
'values), same_start (one has readings and the other was completed, or both began within a second), same_time (records '
'of a session nobody started, from the time of this one). Two with readings that differ are two, whatever else. '
'Made-up ones (mock) are one with such only. p_again: also those whose merge was reverted.';
revoke all on function syncwell._session_pairs(uuid, uuid[], boolean) from public;
