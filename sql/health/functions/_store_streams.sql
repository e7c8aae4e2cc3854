create or replace function syncwell._store_streams(
  p_org_id uuid,
  p_now timestamptz,
  p_verdicts syncwell.stream_verdict[]
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- an array is planned for as long as it is: ten thousand streams must not be joined as if they were ten
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_stored uuid[];
  v_written uuid[];
  v_verdicts syncwell.stream_verdict[] := p_verdicts;
begin
  if p_verdicts = '{}' then
    return 0;
  end if;
  with stored as (
    insert into syncwell.stream_states (
      org_id, stream_id, user_id, source, status, since, pending_status, pending_since, recent_states, is_flapping,
      evaluated_at, seen_run_at
    )
    select
      p_org_id, v.stream_id, v.user_id, v.source, v.status, p_now, v.pending_status, v.pending_since, v.recent_states,
      v.is_flapping, p_now, v.seen_run_at
    from unnest(p_verdicts) as v
    where v.is_first
    order by v.stream_id
    on conflict (org_id, stream_id) do nothing
    returning stream_id
  )
  select array_agg(s.stream_id) into v_stored from stored as s;
  -- reports of devices and baselines write the same rows: what one of them holds is left to the next evaluation
  with locked as materialized (
    select t.stream_id
    from syncwell.stream_states as t
    where t.org_id = p_org_id
      and t.stream_id in (select v.stream_id from unnest(p_verdicts) as v where v.is_changed and not v.is_first)
    order by t.stream_id
    for no key update skip locked
  ),
  written as (
    update syncwell.stream_states as t
    set
      status = v.status,
      since = case when v.is_moved or t.since is null then p_now else t.since end,
      pending_status = v.pending_status,
      pending_since = v.pending_since,
      recent_states = v.recent_states,
      is_flapping = v.is_flapping,
      evaluated_at = p_now,
      seen_run_at = v.seen_run_at
    from locked as l
    inner join unnest(p_verdicts) as v on v.stream_id = l.stream_id
    where t.org_id = p_org_id and t.stream_id = l.stream_id
    returning t.stream_id
  )
  select array_agg(w.stream_id) into v_written from written as w;
  v_stored := v_stored || v_written;
  if coalesce(cardinality(v_stored), 0) < (select count(*) from unnest(p_verdicts) as v where v.is_changed) then
    v_verdicts := array(
      select v
      from unnest(p_verdicts) as v
      left join unnest(v_stored) as s (stream_id) on s.stream_id = v.stream_id
      where s.stream_id is not null or not v.is_changed
    );
  end if;

  -- a second evaluation at the same time decides for the stretch that the first began
  update syncwell.stream_periods as p
  set status = v.status, overlay = v.overlay, is_flapping = v.is_flapping, score = v.score
  from unnest(v_verdicts) as v
  where p.org_id = p_org_id and p.stream_id = v.stream_id and p.ends_at is null and p.starts_at = p_now
    and v.begins_period;
  update syncwell.stream_periods as p
  set ends_at = p_now
  from unnest(v_verdicts) as v
  where p.org_id = p_org_id and p.stream_id = v.stream_id and p.ends_at is null and p.starts_at < p_now
    and v.begins_period;
  insert into syncwell.stream_periods (
    org_id, stream_id, starts_at, user_id, source, status, overlay, is_flapping, score
  )
  select p_org_id, v.stream_id, p_now, v.user_id, v.source, v.status, v.overlay, v.is_flapping, v.score
  from unnest(v_verdicts) as v
  where v.begins_period
    and not exists (
      select from syncwell.stream_periods as p
      where p.org_id = p_org_id and p.stream_id = v.stream_id and p.ends_at is null
    );
  perform syncwell._announce_health(p_org_id);
  return (select count(*) from unnest(v_verdicts) as v where v.is_moved);
end
$$;
comment on function syncwell._store_streams(uuid, timestamptz, syncwell.stream_verdict[]) is
'The part of evaluate_health() that writes what _judge_streams() decided: states, and stretches that end and begin at '
'p_now. Returns how many streams moved.';
revoke all on function syncwell._store_streams(uuid, timestamptz, syncwell.stream_verdict[]) from public;
