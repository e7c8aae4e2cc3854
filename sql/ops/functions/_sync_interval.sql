create or replace function syncwell._sync_interval(
  p_org_id uuid,
  p_stream_id uuid,
  p_reason text,
  p_metered boolean,
  p_battery numeric,
  p_settings jsonb,
  p_now timestamptz
)
returns interval
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- its few partitions are found when it runs
set plan_cache_mode = force_generic_plan
as $$
declare
  v_regular constant interval := (p_settings ->> 'ops.periodic')::interval;
  v_factor constant double precision := (p_settings ->> 'ops.adaptive_factor')::double precision;
  v_window constant interval := (p_settings ->> 'ops.adaptive_window')::interval;
  v_strain constant double precision := case
    when p_battery < (p_settings ->> 'ops.low_battery')::numeric
      then (p_settings ->> 'ops.low_battery_factor')::double precision
    else 1
  end;
  v_most constant bigint := ceil(
    extract(epoch from v_window) * v_factor / (2 * extract(epoch from v_regular)::double precision)
  );
  v_changes bigint;
begin
  if p_reason in ('manual', 'session_end') then
    return interval '0';
  elsif p_reason = 'session' then
    return (p_settings ->> 'ops.session_interval')::interval;
  elsif p_reason not in ('periodic', 'background') then
    return v_strain * (p_settings ->> 'ops.debounce')::interval;
  end if;
  -- more of them would change nothing
  select count(*) into v_changes
  from (
    select
    from syncwell.sync_events as e
    where e.org_id = p_org_id
      and e.stream_id = p_stream_id
      and e.id >= syncwell._uuid7_floor(p_now - v_window)
      and greatest(e.items_processed, e.items_created, e.items_updated, e.items_deleted) > 0
    limit v_most
  ) as e;
  return v_strain
  * case when p_metered then (p_settings ->> 'ops.metered_factor')::double precision else 1 end
  * case
    when not exists (
      select from syncwell.sync_state as t
      where t.org_id = p_org_id and t.stream_id = p_stream_id and t.total_runs > 0
    )
      then v_regular
    when v_changes = 0 then v_regular * v_factor
    -- twice as often as data changes, so that a change of pace is seen
    else
      least(
        greatest(v_window / (2 * v_changes), v_regular / v_factor),
        v_regular * v_factor
      )
  end;
end
$$;
comment on function
syncwell._sync_interval(uuid, uuid, text, boolean, numeric, jsonb, timestamptz) is
'How long after one sync the next one for this reason may begin. manual, session_end: at once; session: setting '
'ops.session_interval; periodic, background: half the mean time between the runs of the stream that moved data within '
'ops.adaptive_window, between ops.periodic / ops.adaptive_factor and ops.periodic * ops.adaptive_factor, which it also '
'is without any; ops.periodic for a stream that never ran; times ops.metered_factor where the network is metered; '
'other reasons: ops.debounce. Below ops.low_battery percent the last two are times ops.low_battery_factor.';
revoke all on function
syncwell._sync_interval(uuid, uuid, text, boolean, numeric, jsonb, timestamptz) from public;
