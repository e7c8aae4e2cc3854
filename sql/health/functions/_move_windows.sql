create or replace function syncwell._move_windows(
  p_org_id uuid,
  p_since timestamptz,
  p_now timestamptz
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ended syncwell.maintenance_windows[];
  v_active syncwell.maintenance_windows[];
  v_paused uuid[] := array[]::uuid[];
begin
  -- before windows that come again move on to their next time; what was over before p_since is done with
  v_ended := array(
    select w
    from syncwell.maintenance_windows as w
    where w.org_id = p_org_id
      and w.mode = 'pause'
      and w.starts_at < least(w.ends_at, w.cancelled_at)
      and least(w.ends_at, w.cancelled_at) <= p_now
      and least(w.ends_at, w.cancelled_at) > p_since
  );

  -- whoever calls one off at this moment is not waited for
  with due as materialized (
    select w.org_id, w.id
    from syncwell.maintenance_windows as w
    where w.org_id = p_org_id and w.cron is not null and w.cancelled_at is null and w.ends_at <= p_now
    order by w.id
    for no key update skip locked
  )
  update syncwell.maintenance_windows as w
  set starts_at = n.starts_at, ends_at = n.ends_at
  from due as d
  inner join syncwell.maintenance_windows as o on o.org_id = d.org_id and o.id = d.id
  inner join syncwell.orgs as g on g.org_id = d.org_id
  cross join lateral syncwell._next_window(
    o.cron, coalesce(o.time_zone, g.time_zone), o.starts_at, o.ends_at, p_now
  ) as n
  where w.org_id = d.org_id and w.id = d.id and n.starts_at is not null;

  v_active := array(select w from syncwell._active_windows(p_org_id, p_now) as w where w.mode = 'pause');
  if v_active <> '{}' then
    v_paused := array(
      select s.stream_id
      from syncwell.streams as s
      where s.org_id = p_org_id
        and s.retired_at is null
        and exists (
          select from unnest(v_active) as w
          where syncwell._window_fits(w, s.source, s.user_id, s.platform)
        )
    );
  end if;

  if v_active <> '{}' or v_ended <> '{}' then
    insert into syncwell.stream_states (org_id, stream_id, user_id, source)
    select s.org_id, s.stream_id, s.user_id, s.source
    from syncwell.streams as s
    where s.org_id = p_org_id
      and s.retired_at is null
      and exists (
        select from unnest(v_active || v_ended) as w
        where syncwell._window_fits(w, s.source, s.user_id, s.platform)
      )
      and not exists (
        select from syncwell.stream_states as t where t.org_id = s.org_id and t.stream_id = s.stream_id
      )
    order by s.stream_id
    on conflict (org_id, stream_id) do nothing;
  end if;

  with wanted as materialized (
    select t.stream_id, v.expect_from
    from syncwell.stream_states as t
    inner join syncwell.streams as s on s.org_id = t.org_id and s.stream_id = t.stream_id and s.retired_at is null
    left join unnest(v_paused) as p (stream_id) on p.stream_id = t.stream_id
    cross join lateral (
      select max(least(w.ends_at, w.cancelled_at)) as ended_at
      from unnest(v_ended) as w
      where syncwell._window_fits(w, s.source, s.user_id, s.platform)
    ) as e
    cross join lateral (
      select
        case
          when p.stream_id is not null then 'infinity'
          when t.expect_from = 'infinity' then coalesce(e.ended_at, p_now)
          else greatest(t.expect_from, e.ended_at)
        end as expect_from
    ) as v
    where t.org_id = p_org_id
      -- nearly always there is nothing of this
      and (t.expect_from = 'infinity' or v_paused <> '{}' or v_ended <> '{}')
      and t.expect_from is distinct from v.expect_from
  ),
  locked as materialized (
    select t.stream_id
    from syncwell.stream_states as t
    where t.org_id = p_org_id and t.stream_id in (select n.stream_id from wanted as n)
    order by t.stream_id
    for no key update skip locked
  )
  update syncwell.stream_states as t
  set expect_from = n.expect_from
  from wanted as n
  inner join locked as l on l.stream_id = n.stream_id
  where t.org_id = p_org_id and t.stream_id = n.stream_id;
end
$$;
comment on function syncwell._move_windows(uuid, timestamptz, timestamptz) is
'The part of evaluate_health() for maintenance windows: those that come again and are over move on to the time that '
'is on or next; streams under a pause expect nothing (stream_states.expect_from is infinity), those whose pause ended '
'after p_since expect from its end on. p_since: the last evaluation, -infinity for the first.';
revoke all on function syncwell._move_windows(uuid, timestamptz, timestamptz) from public;
