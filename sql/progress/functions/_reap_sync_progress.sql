create or replace function syncwell._reap_sync_progress(
  p_org_id uuid,
  p_limit integer
)
returns table (
  org_id uuid,
  id uuid,
  sync_id text,
  source_system text,
  started_at timestamptz,
  elapsed_seconds numeric
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  with place as materialized (
    select distinct p.org_id, p.source_system
    from syncwell.sync_progress as p
    where p.status in ('pending', 'in_progress') and (p_org_id is null or p.org_id = p_org_id)
  ),
  bound as materialized (
    select
      l.org_id,
      l.source_system,
      extract(epoch from syncwell._setting(l.org_id, 'progress.max_duration', l.source_system)::interval) as seconds
    from place as l
  ),
  due as (
    select p.org_id, p.id
    from syncwell.sync_progress as p
    inner join bound as b on b.org_id = p.org_id and b.source_system is not distinct from p.source_system
    where p.status in ('pending', 'in_progress')
      and extract(epoch from v_now - p.started_at) - p.paused_seconds > b.seconds
    order by p.started_at, p.id
    limit p_limit
    for no key update of p skip locked
  )
  update syncwell.sync_progress as p
  set status = 'timeout'
  from due as d
  where p.org_id = d.org_id and p.id = d.id
  returning p.org_id, p.id, p.sync_id, p.source_system, p.started_at, p.elapsed_seconds;
end
$$;
comment on function syncwell._reap_sync_progress(uuid, integer) is
'Ends the syncs of an org, or of all (NULL), that ran longer than setting progress.max_duration, oldest first, at '
'most p_limit.';
revoke all on function syncwell._reap_sync_progress(uuid, integer) from public;
