create or replace function syncwell._note_push(
  p_org_id uuid,
  p_user_id uuid,
  p_device_id text,
  p_ok boolean,
  p_created bigint,
  p_updated bigint,
  p_deleted bigint,
  p_conflicts bigint,
  p_quarantined bigint,
  p_bytes bigint,
  p_started_at timestamptz,
  p_error_code text,
  p_error_message text,
  p_client jsonb
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_platform text;
  v_network text;
begin
  if p_client is not null then
    v_platform := syncwell._client_platform(p_client);
    v_network := syncwell._client_fact(p_client, 'networkType');
  end if;

  insert into syncwell.sync_devices as d (
    org_id, user_id, device_id, platform, app_version, network_type, first_seen, last_seen, last_push, pushes, failures,
    conflicts, quarantined, failing_since, last_error_code
  )
  values (
    p_org_id, p_user_id, p_device_id, v_platform, syncwell._client_fact(p_client, 'appVersion'),
    case when v_network is not null then syncwell._redact(p_org_id, p_user_id, v_network) end,
    v_now, v_now, v_now, p_ok::integer, (not p_ok)::integer,
    coalesce(p_conflicts, 0), coalesce(p_quarantined, 0), case when not p_ok then v_now end,
    case when not p_ok then p_error_code end
  )
  on conflict (org_id, user_id, device_id) do update
  set
    platform = coalesce(excluded.platform, d.platform),
    app_version = coalesce(excluded.app_version, d.app_version),
    network_type = coalesce(excluded.network_type, d.network_type),
    last_seen = excluded.last_seen,
    last_push = excluded.last_push,
    pushes = d.pushes + excluded.pushes,
    failures = d.failures + excluded.failures,
    conflicts = d.conflicts + excluded.conflicts,
    quarantined = d.quarantined + excluded.quarantined,
    failing_since = case when not p_ok then coalesce(d.failing_since, excluded.failing_since) end,
    last_error_code = excluded.last_error_code;

  perform syncwell._record_run(
    p_org_id => p_org_id,
    p_user_id => p_user_id,
    p_source => syncwell._sync_source(p_org_id),
    p_direction => 'push',
    p_sync_type => 'incremental',
    p_started_at => p_started_at,
    p_items_created => p_created,
    p_items_updated => p_updated,
    p_items_deleted => p_deleted,
    p_items_failed => p_quarantined,
    p_bytes => p_bytes,
    p_error_code => case when not p_ok then coalesce(p_error_code, 'XX000') end,
    p_error_message => case when not p_ok then p_error_message end,
    p_platform => v_platform,
    p_device_id => nullif(p_device_id, ''),
    p_network_type => v_network,
    p_network_quality => syncwell._client_fact(p_client, 'networkQuality')
  );
end
$$;
comment on function
syncwell._note_push(
  uuid, uuid, text, boolean, bigint, bigint, bigint, bigint, bigint, bigint, timestamptz, text, text, jsonb
) is
'Writes down that a device has pushed, as a run of the stream of setting delta.source. p_ok: whether it was accepted; '
'the counts are of what was written (NULL where it failed); p_conflicts: records in conflict, refused ones included; '
'p_quarantined: records put aside, which make the run a partial one; p_bytes: length of the push; p_error_code, '
'p_error_message: why it failed, which counts as a failure of the stream that nobody but the device retries; p_client '
'as in _note_pull().';
revoke all on function
syncwell._note_push(
  uuid, uuid, text, boolean, bigint, bigint, bigint, bigint, bigint, bigint, timestamptz, text, text, jsonb
) from public;
