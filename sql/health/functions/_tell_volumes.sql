create or replace function syncwell._tell_volumes(
  p_org_id uuid,
  p_baselines syncwell.volume_baselines[]
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_told bigint;
begin
  with told as materialized (
    select b.stream_id, b.user_id, b.source, b.drift_percent, b.severity, b.since
    from unnest(p_baselines) as b
    left join syncwell.stream_states as t on t.org_id = p_org_id and t.stream_id = b.stream_id
    where b.stream_id is not null
      and (t.drift_severity is distinct from b.severity
        or t.drift_percent is distinct from b.drift_percent
        or t.drift_since is distinct from b.since)
  ),
  added as (
    insert into syncwell.stream_states (
      org_id, stream_id, user_id, source, drift_percent, drift_severity, drift_since
    )
    select p_org_id, t.stream_id, t.user_id, t.source, t.drift_percent, t.severity, t.since
    from told as t
    where not exists (
      select from syncwell.stream_states as x where x.org_id = p_org_id and x.stream_id = t.stream_id
    )
    order by t.stream_id
    on conflict (org_id, stream_id) do nothing
    returning stream_id
  ),
  -- in one order, and who writes such a row now is not waited for: it is told with the next check
  locked as materialized (
    select x.stream_id
    from syncwell.stream_states as x
    where x.org_id = p_org_id and x.stream_id in (select t.stream_id from told as t)
    order by x.stream_id
    for no key update skip locked
  ),
  changed as (
    update syncwell.stream_states as x
    set drift_percent = t.drift_percent, drift_severity = t.severity, drift_since = t.since
    from told as t
    join locked as l on l.stream_id = t.stream_id
    where x.org_id = p_org_id and x.stream_id = t.stream_id
    returning x.stream_id
  )
  select (select count(*) from added) + (select count(*) from changed) into v_told;
  return v_told;
end
$$;
comment on function syncwell._tell_volumes(uuid, syncwell.volume_baselines[]) is
'Writes what was found in the volumes of streams into their stream_states, where it is not there yet; returns to how '
'many.';
revoke all on function syncwell._tell_volumes(uuid, syncwell.volume_baselines[]) from public;
