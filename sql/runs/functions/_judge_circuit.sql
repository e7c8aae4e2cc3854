create or replace function syncwell._judge_circuit(
  p_event syncwell.sync_events,
  p_now timestamptz,
  p_settings jsonb,
  p_counts boolean
)
returns timestamptz
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_circuit syncwell.circuits;
  v_probed boolean;
  v_runs bigint;
  v_failures bigint;
  v_cooldown constant interval := (p_settings ->> 'circuit.cooldown')::interval;
begin
  select c.* into v_circuit
  from syncwell.circuits as c
  where c.org_id = p_event.org_id and c.source = p_event.source
  for update;
  v_probed := v_circuit.state <> 'closed' and (
    v_circuit.probe_event = p_event.id
    -- a run that was no probe but ventured out after the cooldown
    or (v_circuit.state = 'open' and v_circuit.reopen_at <= p_now and p_event.started_at >= v_circuit.opened_at)
  );

  if v_probed and p_counts then
    update syncwell.circuits as c
    set
      state = 'open',
      opened_at = p_now,
      cooldown = least(v_circuit.cooldown * 2, (p_settings ->> 'circuit.cooldown_cap')::interval),
      reopen_at = p_now + least(v_circuit.cooldown * 2, (p_settings ->> 'circuit.cooldown_cap')::interval),
      probe_token = null,
      probe_event = null,
      probe_until = null
    where c.org_id = p_event.org_id and c.source = p_event.source
    returning c.* into v_circuit;
  elsif v_probed then
    -- refused for what it asked, but answered: the source is there
    update syncwell.circuits as c
    set state = 'closed', closed_at = p_now, probe_token = null, probe_event = null, probe_until = null
    where c.org_id = p_event.org_id and c.source = p_event.source
    returning c.* into v_circuit;
  elsif p_counts and coalesce(v_circuit.state, 'closed') = 'closed' then
    select 1 + coalesce(sum(a.runs), 0), 1 + coalesce(sum(a.failures), 0) into v_runs, v_failures
    from syncwell.source_attempts as a
    where a.org_id = p_event.org_id
      and a.source = p_event.source
      and a.minute > p_now - (p_settings ->> 'circuit.window')::interval
      and (v_circuit.closed_at is null or a.minute > v_circuit.closed_at);
    if v_runs >= (p_settings ->> 'circuit.minimum_runs')::bigint
      and v_failures >= v_runs * (p_settings ->> 'circuit.failure_ratio')::numeric
    then
      insert into syncwell.circuits as c (org_id, source, state, opened_at, cooldown, reopen_at)
      values (p_event.org_id, p_event.source, 'open', p_now, v_cooldown, p_now + v_cooldown)
      on conflict (org_id, source) do update
      set
        state = 'open',
        opened_at = excluded.opened_at,
        cooldown = excluded.cooldown,
        reopen_at = excluded.reopen_at
      where c.state = 'closed'
      returning c.* into v_circuit;
      if not found then
        -- another session opened it in between
        select c.* into v_circuit
        from syncwell.circuits as c
        where c.org_id = p_event.org_id and c.source = p_event.source;
      end if;
    end if;
  end if;
  return case v_circuit.state when 'open' then v_circuit.reopen_at when 'half_open' then v_circuit.probe_until end;
end
$$;
comment on function syncwell._judge_circuit(syncwell.sync_events, timestamptz, jsonb, boolean) is
'What a failed run does to its source''s circuit; p_counts: whether the source is to blame. Returns until when the '
'source is left alone, NULL: it is not. closed opens when, with this run, the window (setting circuit.window, since '
'it last closed) holds at least circuit.minimum_runs runs and a share of circuit.failure_ratio failed; a failed probe '
'opens it again for twice as long, up to circuit.cooldown_cap.';
revoke all on function syncwell._judge_circuit(syncwell.sync_events, timestamptz, jsonb, boolean) from public;
