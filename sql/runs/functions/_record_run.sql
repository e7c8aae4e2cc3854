create or replace function syncwell._record_run(
  p_org_id uuid,
  p_user_id uuid,
  p_source text,
  p_direction text,
  p_sync_type text,
  p_started_at timestamptz,
  p_items_created bigint,
  p_items_updated bigint,
  p_items_deleted bigint,
  p_items_failed bigint,
  p_bytes bigint,
  p_error_code text default null,
  p_error_message text default null,
  p_platform text default null,
  p_device_id text default null,
  p_network_type text default null,
  p_network_quality text default null
)
returns uuid
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_failed constant boolean := coalesce(p_error_code, p_error_message) is not null;
  v_event syncwell.sync_events;
  v_live boolean;
  v_kind record;
  v_details text[];
begin
  -- two statements, since neither IS NOT DISTINCT FROM nor OR finds its way through one index
  if p_user_id is null then
    select s.stream_id, coalesce(p_platform, s.platform), s.retired_at is null
    into v_event.stream_id, v_event.platform, v_live
    from syncwell.streams as s
    where s.org_id = p_org_id and s.user_id is null and s.source = p_source;
  else
    select s.stream_id, coalesce(p_platform, s.platform), s.retired_at is null
    into v_event.stream_id, v_event.platform, v_live
    from syncwell.streams as s
    where s.org_id = p_org_id and s.user_id = p_user_id and s.source = p_source;
  end if;
  if v_live is distinct from true then
    v_event.stream_id := syncwell._ensure_stream(p_org_id, p_user_id, p_source, p_platform);
    v_event.platform := coalesce(v_event.platform, p_platform);
  end if;

  v_event.org_id := p_org_id;
  v_event.user_id := p_user_id;
  v_event.source := p_source;
  v_event.direction := p_direction;
  v_event.sync_type := p_sync_type;
  v_event.started_at := least(p_started_at, v_now);
  v_event.id := syncwell._uuid7(v_event.started_at);
  v_event.attempt := 1;
  v_event.items_created := p_items_created;
  v_event.items_updated := p_items_updated;
  v_event.items_deleted := p_items_deleted;
  v_event.items_failed := p_items_failed;
  v_event.items_processed := p_items_created + p_items_updated + p_items_deleted + coalesce(p_items_failed, 0);
  v_event.bytes := p_bytes;
  if coalesce(p_device_id, p_network_type, p_network_quality) is not null then
    v_details := syncwell._redact(p_org_id, p_user_id, array[p_device_id, p_network_type, p_network_quality]);
    v_event.device_id := v_details[1];
    v_event.network_type := v_details[2];
    v_event.network_quality := v_details[3];
  end if;

  if v_failed then
    v_event.status := 'failed';
    v_kind := syncwell.classify_sync_error(p_error_code, syncwell._http_status(p_error_code), p_error_message);
    -- whoever failed comes again by himself
    perform syncwell._fail_run(
      v_event, v_now, v_kind.error_type, v_kind.class, false, left(p_error_code, 255),
      syncwell._http_status(p_error_code), left(coalesce(p_error_message, ''), 8192), null, null
    );
    return v_event.id;
  end if;

  v_event.status := case when p_items_failed > 0 then 'partial' else 'success' end;
  if current_setting('transaction_isolation') = 'read committed' then
    perform syncwell._finish_run(v_event, v_now, 0, 0);
  else
    begin
      perform syncwell._finish_run(v_event, v_now, 0, 0);
    exception
      when serialization_failure then
        -- the stream has moved on since this transaction began: its state is the newer one, the run happened all the same
        v_event.completed_at := v_now;
        v_event.duration_ms := round(extract(epoch from v_now - v_event.started_at) * 1000);
        v_event.lease := gen_random_uuid();
        insert into syncwell.sync_events select (v_event).*;
    end;
  end if;
  return v_event.id;
end
$$;
comment on function
syncwell._record_run(
  uuid, uuid, text, text, text, timestamptz, bigint, bigint, bigint, bigint, bigint, text, text, text, text, text, text
) is
'Records a run that is over, in one call: the stream is made where it is missing, the run written whole, and state, '
'streak and errors follow as at record_sync_complete() and record_sync_error(). p_direction: pull, push or NULL; '
'p_started_at: when it began, it ends now; counts and p_bytes: NULL when not known; p_items_failed > 0: partial; with '
'p_error_code (a SQLSTATE) or p_error_message: failed. Such an error is its client''s to retry: it is never due here, '
'and does not count against the source. Returns the run''s id.';
revoke all on function
syncwell._record_run(
  uuid, uuid, text, text, text, timestamptz, bigint, bigint, bigint, bigint, bigint, text, text, text, text, text, text
) from public;
