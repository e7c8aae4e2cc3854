create or replace function syncwell.record_sync_start(
  p_source text,
  p_sync_type text default 'incremental',
  p_sync_token text default null,
  p_run_key text default null,
  p_user_id uuid default null,
  p_platform text default null,
  p_device_id text default null,
  p_network_type text default null,
  p_network_quality text default null,
  p_retry_of uuid default null,
  p_retry_lease uuid default null,
  out event_id uuid,
  out lease uuid,
  out stream_id uuid,
  out status text,
  out attempt integer,
  out sync_token text,
  out started_at timestamptz,
  out is_new boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
  v_user_id uuid := v_caller.user_id;
  v_platform text;
  v_last_token text;
  v_live boolean;
  v_parent_id uuid;
  v_event syncwell.sync_events;
begin
  perform syncwell._check_source(p_source);
  if p_sync_type is null then
    raise exception using
      errcode = '22004',
      message = 'a type of sync is needed',
      detail = 'p_sync_type is NULL.',
      hint = 'Pass full, incremental, webhook or manual, or leave it out for incremental.';
  end if;
  if p_sync_type not in ('full', 'incremental', 'webhook', 'manual') then
    raise exception using
      errcode = '22023',
      message = 'unknown type of sync',
      detail = format('p_sync_type is %L.', left(p_sync_type, 100)),
      hint = 'Pass full, incremental, webhook or manual.';
  end if;
  if p_user_id is not null then
    v_user_id := syncwell._target_user(p_user_id);
  end if;
  if p_sync_token is not null or p_run_key is not null then
    perform syncwell._check_text('p_sync_token', p_sync_token, 8192);
    perform syncwell._check_text('p_run_key', p_run_key, 255);
    if p_run_key = '' then
      raise exception using
        errcode = '22023',
        message = 'an empty run key names no run',
        detail = 'p_run_key is empty.',
        hint = 'Leave p_run_key out where the worker has no name for the run.';
    end if;
  end if;
  if coalesce(p_platform, p_device_id, p_network_type, p_network_quality) is not null then
    perform syncwell._check_platform(p_platform);
    perform syncwell._check_text('p_device_id', p_device_id, 255);
    perform syncwell._check_text('p_network_type', p_network_type, 64);
    perform syncwell._check_text('p_network_quality', p_network_quality, 64);
  end if;

  -- two statements, since neither IS NOT DISTINCT FROM nor OR finds its way through one index
  if v_user_id is null then
    select s.stream_id, s.platform, t.last_sync_token, s.retired_at is null
    into stream_id, v_platform, v_last_token, v_live
    from syncwell.streams as s
    inner join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
    where s.org_id = v_caller.org_id and s.user_id is null and s.source = p_source;
  else
    select s.stream_id, s.platform, t.last_sync_token, s.retired_at is null
    into stream_id, v_platform, v_last_token, v_live
    from syncwell.streams as s
    inner join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
    where s.org_id = v_caller.org_id and s.user_id = v_user_id and s.source = p_source;
  end if;
  if v_live is distinct from true then
    stream_id := syncwell._ensure_stream(v_caller.org_id, v_user_id, p_source, p_platform);
  end if;

  started_at := syncwell._now();
  event_id := syncwell._uuid7(started_at);
  -- a claimed retry that is started again, since the answer was lost, is known by its lease
  lease := coalesce(p_retry_lease, gen_random_uuid());
  status := 'started';
  attempt := 1;
  -- a full sync starts from nothing
  sync_token := case when p_sync_token is null and p_sync_type <> 'full' then v_last_token else p_sync_token end;
  is_new := true;

  if p_run_key is not null then
    v_event := syncwell._take_run_key(v_caller.org_id, stream_id, p_run_key, event_id, v_user_id, started_at);
  elsif p_retry_lease is not null then
    -- waits for a start with the same lease that has not committed yet
    perform from syncwell.sync_errors as e where e.org_id = v_caller.org_id and e.id = p_retry_of for update;
    select e.* into v_event
    from syncwell.sync_events as e
    where e.org_id = v_caller.org_id
      and e.stream_id = record_sync_start.stream_id
      and e.status = 'started'
      and e.error_id = p_retry_of
      and e.lease = p_retry_lease;
  end if;
  if v_event.id is not null then
    event_id := v_event.id;
    lease := v_event.lease;
    status := v_event.status;
    attempt := v_event.attempt;
    sync_token := v_event.sync_token_before;
    started_at := v_event.started_at;
    is_new := false;
    return;
  end if;

  if p_retry_of is not null then
    select r.attempt, r.parent_id into attempt, v_parent_id
    from syncwell._start_retry(v_caller.org_id, stream_id, p_retry_of, p_retry_lease, event_id, started_at) as r;
  end if;

  insert into syncwell.sync_events (
    org_id, id, stream_id, user_id, source, sync_type, started_at, sync_token_before, platform, attempt, parent_id,
    error_id, run_key, lease, device_id, network_type, network_quality
  )
  values (
    v_caller.org_id, event_id, stream_id, v_user_id, p_source, p_sync_type, started_at, sync_token,
    coalesce(p_platform, v_platform), attempt, v_parent_id, p_retry_of, p_run_key, lease,
    case when p_device_id is not null then syncwell._redact(v_caller.org_id, v_user_id, p_device_id) end,
    case when p_network_type is not null then syncwell._redact(v_caller.org_id, v_user_id, p_network_type) end,
    case when p_network_quality is not null then syncwell._redact(v_caller.org_id, v_user_id, p_network_quality) end
  );
end
$$;
comment on function
syncwell.record_sync_start(text, text, text, text, uuid, text, text, text, text, uuid, uuid) is
'Starts a run of the caller''s stream of p_source (or of p_user_id''s, for admins and services) and makes the stream '
'on first use. p_sync_type: full, incremental, webhook, manual; p_sync_token: where to start, NULL = where the last '
'run stopped (a full sync: from nothing); p_run_key: the worker''s name for the run, a known one returns the run it '
'stands for and starts none; p_platform: android, ios, web, server, other; p_device_id, p_network_type, '
'p_network_quality: kept with consent; p_retry_of: the error that is retried, with p_retry_lease where it was '
'claimed (told again, it returns the run it started). Returns the run''s id, the lease that every later call needs, '
'the stream, the status (of a known run: as it is), the attempt (1 = first), the token to go on from, the start and '
'whether the run is new. Runs at the same time on one stream are all recorded. Errors: SW001, SW002, SW102 the retry '
'is somebody else''s, SW104 no such error on this stream, SW106, 22004, 22023, 22001.';
revoke all on function
syncwell.record_sync_start(text, text, text, text, uuid, text, text, text, text, uuid, uuid) from public;
grant execute on function
syncwell.record_sync_start(text, text, text, text, uuid, text, text, text, text, uuid, uuid) to syncwell_worker;
