create or replace function syncwell._ready_orgs(
  p_source text,
  p_limit integer,
  p_now timestamptz
)
returns table (
  org_id uuid,
  share integer
)
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c_orgs constant integer := 100;
  -- begins anywhere and comes round once: no org is served first every time
  v_start constant uuid := gen_random_uuid();
  v_after uuid := v_start;
  v_until uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid;
  v_orgs uuid[];
  v_ready uuid[] := array[]::uuid[];
  v_counts integer[] := array[]::integer[];
  v_new uuid[];
  v_new_counts integer[];
begin
  loop
    with recursive orgs as (
      (
        select q.org_id
        from syncwell.sync_queue as q
        where q.org_id > v_after and q.org_id <= v_until
        order by q.org_id
        limit 1
      )
      union all
      select n.org_id
      from orgs as o
      cross join lateral (
        select q.org_id
        from syncwell.sync_queue as q
        where q.org_id > o.org_id and q.org_id <= v_until
        order by q.org_id
        limit 1
      ) as n
    )
    select array_agg(o.org_id) into v_orgs from (select o.org_id from orgs as o limit c_orgs) as o;

    select array_agg(o.org_id), array_agg(c.ready)
    into v_new, v_new_counts
    from unnest(v_orgs) as o (org_id)
    cross join lateral (
      select count(*)::integer as ready
      from (
        select
        from syncwell.queue_lanes as l
        cross join lateral (
          select from syncwell.sync_queue as q
          where q.lane = l.lane and q.status <> 'dead' and q.blockers = 0 and q.run_at <= p_now
          limit p_limit
        ) as w
        where l.org_id = o.org_id and (p_source is null or l.source = p_source)
        limit p_limit
      ) as r
    ) as c
    where c.ready > 0;
    v_ready := v_ready || coalesce(v_new, '{}');
    v_counts := v_counts || coalesce(v_new_counts, '{}');

    exit when cardinality(v_ready) >= p_limit;
    if cardinality(v_orgs) = c_orgs then
      v_after := v_orgs[c_orgs];
    elsif v_until = v_start then
      exit;
    else
      v_after := '00000000-0000-0000-0000-000000000000'::uuid;
      v_until := v_start;
    end if;
  end loop;

  -- each org's first, then each org's second, …
  return query
  select t.org_id, count(*)::integer
  from (
    select o.org_id
    from unnest(v_ready, v_counts) as o (org_id, ready)
    cross join lateral generate_series(1, o.ready) as n (turn)
    order by n.turn, random()
    limit p_limit
  ) as t
  group by t.org_id;
end
$$;
comment on function syncwell._ready_orgs(text, integer, timestamptz) is
'Which orgs have operations that may be claimed, of p_source (NULL: any), and how many of p_limit are each one''s: in '
'turns, whatever one of them has waiting.';
revoke all on function syncwell._ready_orgs(text, integer, timestamptz) from public;
