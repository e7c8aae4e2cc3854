create or replace function syncwell.request_sync(
  p_source text,
  p_reason text,
  p_device_id text default null,
  p_network text default null,
  p_metered boolean default null,
  p_battery numeric default null,
  p_user_id uuid default null,
  out allowed boolean,
  out wait_ms bigint,
  out why text,
  out request_id uuid
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._caller();
  v_org_id constant uuid := v_caller.org_id;
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_now constant timestamptz := syncwell._now();
  v_device_id constant text := nullif(p_device_id, '');
  v_settings jsonb;
  v_slot syncwell.sync_slots;
  v_last syncwell.sync_paces;
  v_state record;
  v_circuit syncwell.circuits;
  v_until timestamptz;
begin
  perform syncwell._check_sync_request(p_source, p_reason, p_device_id, p_network, p_battery);
  allowed := false;
  if p_network in ('none', 'offline') then
    why := 'offline';
    return;
  end if;
  v_settings := syncwell._settings(v_org_id, p_source);

  -- whoever asks for the same device waits here
  insert into syncwell.sync_slots as s (org_id, user_id, slot, asked_at)
  values (v_org_id, v_user_id, syncwell._sync_slot(v_org_id, v_user_id, p_source, v_device_id), v_now)
  on conflict (org_id, user_id, slot) do update set asked_at = excluded.asked_at
  returning s.* into v_slot;
  insert into syncwell.sync_paces as r (org_id, user_id, slot, source, asked_at)
  values (v_org_id, v_user_id, v_slot.slot, p_source, v_now)
  on conflict (org_id, user_id, slot, source) do update set asked_at = excluded.asked_at
  returning r.* into v_last;
  select s.stream_id, t.consecutive_failures, t.last_failed_sync into v_state
  from syncwell.streams as s
  inner join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
  where s.org_id = v_org_id
    and (s.user_id = v_user_id or (v_user_id is null and s.user_id is null))
    and s.source = p_source;
  select c.* into v_circuit from syncwell.circuits as c where c.org_id = v_org_id and c.source = p_source;

  select b.why, b.until into why, v_until
  from (
    values
    (
      'already_syncing',
      case
        when v_slot.request_id is not null and v_slot.held_until > v_now
          or syncwell._is_running(v_org_id, v_user_id, v_state.stream_id, v_device_id)
          then v_now + (v_settings ->> 'ops.debounce')::interval
      end
    ),
    (
      'circuit_open',
      case v_circuit.state
        when 'open' then v_circuit.reopen_at
        when 'half_open' then least(v_circuit.probe_until, v_now + v_circuit.cooldown)
      end
    ),
    (
      'back_off',
      case
        when p_reason <> 'manual' and greatest(v_state.consecutive_failures, v_last.failures) > 0
          then greatest(v_state.last_failed_sync, v_last.failed_at) + syncwell._sync_back_off(
            greatest(v_state.consecutive_failures, v_last.failures), v_slot.slot, v_settings
          )
      end
    ),
    (
      case when p_reason in ('periodic', 'background', 'session') then 'not_due' else 'debounce' end,
      v_last.allowed_at + syncwell._sync_interval(
        v_org_id, v_state.stream_id, p_reason, coalesce(p_metered, p_network = 'cellular'), p_battery, v_settings,
        v_now
      )
    )
  ) as b (why, until)
  where b.until > v_now
  order by b.until desc
  limit 1;
  if found then
    wait_ms := ceil(extract(epoch from v_until - v_now) * 1000);
    return;
  end if;
  -- last: what is refused for another reason takes nothing
  select a.allowed, a.wait_ms into allowed, wait_ms from syncwell.try_acquire(p_source) as a;
  if not allowed then
    why := 'rate_limited';
    return;
  end if;

  why := 'allowed';
  request_id := gen_random_uuid();
  update syncwell.sync_slots as s
  set
    request_id = request_sync.request_id,
    source = p_source,
    taken_at = v_now,
    held_until = v_now + (v_settings ->> 'ops.sync_timeout')::interval
  where s.org_id = v_org_id
    and (s.user_id = v_user_id or (v_user_id is null and s.user_id is null))
    and s.slot = v_slot.slot;
  update syncwell.sync_paces as r
  set allowed_at = v_now, reason = p_reason
  where r.org_id = v_org_id
    and (r.user_id = v_user_id or (v_user_id is null and r.user_id is null))
    and r.slot = v_slot.slot
    and r.source = p_source;
end
$$;
comment on function
syncwell.request_sync(text, text, text, text, boolean, numeric, uuid) is
'Whether a device may sync p_source now. p_reason: initialization, foreground, reconnect, save, push (no sooner than '
'setting ops.debounce after its last sync), periodic, background (as often as the data of the stream changes, around '
'ops.periodic), session (every ops.session_interval while one runs), session_end (at once), manual (at once, also '
'after failures). p_device_id: which device, up to 255 characters; it is not stored; NULL: whoever names none shares '
'one turn a source. p_network: none or offline refuses, cellular counts as metered; p_metered: whether data costs '
'money; p_battery: percent; NULL: not known. p_user_id: whose device (admins and services). Returns allowed; wait_ms, '
'when to ask again, 0 if allowed, NULL: when there is a network; why: allowed, offline, already_syncing (one sync at a '
'time for each device, of all its sources), circuit_open, back_off (failures of the stream, or of this device), '
'debounce, not_due, rate_limited (bucket p_source of try_acquire()), of several the one that takes longest; '
'request_id, for finish_sync() when it is done: else it counts as under way for ops.sync_timeout. To be called in a '
'transaction of its own. Errors: SW001, SW002, 22001, 22004, 22023; 40001 in a transaction of REPEATABLE READ.';
revoke all on function syncwell.request_sync(text, text, text, text, boolean, numeric, uuid) from public;
grant execute on function syncwell.request_sync(text, text, text, text, boolean, numeric, uuid)
to syncwell_client, syncwell_worker;
