create or replace function syncwell._pick_operations(
  p_org_id uuid,
  p_user_id uuid,
  p_source text,
  p_limit integer,
  p_now timestamptz
)
returns setof syncwell.sync_queue
language plpgsql volatile security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  v_sources text[];
begin
  if p_source is null then
    -- one index probe a source, however much waits in it
    with recursive sources as (
      (
        select q.source
        from syncwell.sync_queue as q
        where q.org_id = p_org_id and q.status <> 'dead' and q.blockers = 0
        order by q.source
        limit 1
      )
      union all
      select n.source
      from sources as s
      cross join lateral (
        select q.source
        from syncwell.sync_queue as q
        where q.org_id = p_org_id and q.status <> 'dead' and q.blockers = 0 and q.source > s.source
        order by q.source
        limit 1
      ) as n
    )
    select array_agg(s.source order by random()) into v_sources from sources as s;
  else
    v_sources := array[p_source];
  end if;
  return query
  select (o.operation).*
  from generate_series(9, 0, -1) as p (priority)
  cross join lateral unnest(case when p.priority >= 0 then v_sources end) as s (source)
  cross join lateral (
    select q as operation
    from syncwell.sync_queue as q
    where q.org_id = p_org_id
      and q.source = s.source
      and q.priority = p.priority
      and q.status <> 'dead'
      and q.blockers = 0
      and q.run_at <= p_now
      and (p_user_id is null or q.user_id = p_user_id)
    order by q.run_at, q.id
    limit p_limit
    for update of q skip locked
  ) as o
  limit p_limit;
end
$$;
comment on function syncwell._pick_operations(uuid, uuid, text, integer, timestamptz) is
'Locks at most p_limit operations of an org that may be claimed, of p_user_id and p_source (NULL: any): higher '
'priorities first, then source by source in any order, in each what has waited longest. What others have locked is '
'skipped.';
revoke all on function syncwell._pick_operations(uuid, uuid, text, integer, timestamptz) from public;
