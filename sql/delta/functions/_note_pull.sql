create or replace function syncwell._note_pull(
  p_org_id uuid,
  p_user_id uuid,
  p_device_id text,
  p_kind text,
  p_cursor bigint,
  p_schema_version integer,
  p_created bigint,
  p_updated bigint,
  p_deleted bigint,
  p_bytes bigint,
  p_records jsonb,
  p_started_at timestamptz,
  p_client jsonb
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_idle constant boolean := p_kind = 'idle';
  v_source text;
  v_platform text;
  v_network text;
begin
  if v_idle then
    perform from syncwell.sync_devices as d
    where d.org_id = p_org_id
      and d.user_id = p_user_id
      and d.device_id = p_device_id
      and d.cursor = p_cursor
      and d.last_pull > v_now - syncwell._setting(p_org_id, 'delta.idle_interval')::interval;
    if found then
      return;
    end if;
  end if;
  if p_client is not null then
    v_platform := syncwell._client_platform(p_client);
    v_network := syncwell._client_fact(p_client, 'networkType');
  end if;
  v_source := syncwell._sync_source(p_org_id);

  insert into syncwell.sync_devices as d (
    org_id, user_id, device_id, platform, app_version, network_type, first_seen, last_seen, last_pull, cursor,
    cursor_at, schema_version, records, pulls
  )
  values (
    p_org_id, p_user_id, p_device_id, v_platform, syncwell._client_fact(p_client, 'appVersion'),
    case when v_network is not null then syncwell._redact(p_org_id, p_user_id, v_network) end,
    v_now, v_now, v_now, p_cursor, v_now, p_schema_version,
    case when p_kind in ('first', 'replacement') then p_records end, (not v_idle)::integer
  )
  on conflict (org_id, user_id, device_id) do update
  set
    platform = coalesce(excluded.platform, d.platform),
    app_version = coalesce(excluded.app_version, d.app_version),
    network_type = coalesce(excluded.network_type, d.network_type),
    last_seen = excluded.last_seen,
    last_pull = excluded.last_pull,
    schema_version = coalesce(excluded.schema_version, d.schema_version),
    -- an idle pull hands out a cursor only where the old one has come of age
    cursor = coalesce(excluded.cursor, d.cursor),
    cursor_at = case when excluded.cursor is distinct from d.cursor then excluded.cursor_at else d.cursor_at end,
    records = case
      when p_kind in ('first', 'replacement') then p_records
      when p_records is not null and d.records is not null then (
        select jsonb_object_agg(s.table_id, s.records)
        from (
          select c.key as table_id, sum(c.value::bigint) as records
          from (
            select r.key, r.value from jsonb_each_text(d.records) as r (key, value)
            union all
            select r.key, r.value from jsonb_each_text(p_records) as r (key, value)
          ) as c
          group by c.key
        ) as s
      )
      else d.records
    end,
    pulls = d.pulls + excluded.pulls,
    -- a known device that starts from nothing has lost what it had; one without a name may be another one
    full_resyncs = d.full_resyncs
    + (p_kind = 'replacement' or (p_kind = 'first' and d.device_id <> '' and d.last_pull is not null))::integer,
    -- until a pull that has seen the invalidation
    may_shrink = d.may_shrink and (
      v_idle or exists (
        select from syncwell.sync_cursors as c
        where c.org_id = p_org_id
          and c.user_id = p_user_id
          and c.cursor = p_cursor
          and not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot)
      )
    );

  if v_idle then
    perform syncwell._note_alive(p_org_id, p_user_id, v_source);
    return;
  end if;
  perform syncwell._record_run(
    p_org_id => p_org_id,
    p_user_id => p_user_id,
    p_source => v_source,
    p_direction => 'pull',
    p_sync_type => case when p_kind in ('first', 'replacement') then 'full' else 'incremental' end,
    p_started_at => p_started_at,
    p_items_created => p_created,
    p_items_updated => p_updated,
    p_items_deleted => p_deleted,
    p_items_failed => null,
    p_bytes => p_bytes,
    p_platform => v_platform,
    p_device_id => nullif(p_device_id, ''),
    p_network_type => v_network,
    p_network_quality => syncwell._client_fact(p_client, 'networkQuality')
  );
end
$$;
comment on function
syncwell._note_pull(
  uuid, uuid, text, text, bigint, integer, bigint, bigint, bigint, bigint, jsonb, timestamptz, jsonb
) is
'Writes down that a device has pulled. p_kind: idle (nothing to send: only that it was here, at most once a setting '
'delta.idle_interval, and its stream stays fresh), delta, first, replacement (a run of the stream of setting '
'delta.source, the latter two of type full); p_cursor: the cursor it is given; p_records: by table id how many records '
'the device has (first, replacement) or has more than before (delta); p_bytes: length of the answer; p_client: what it '
'says of itself (platform, appVersion, networkType, networkQuality), of which nothing can make a sync fail. Called in '
'the transaction that stores the cursor, after it is stored.';
revoke all on function
syncwell._note_pull(
  uuid, uuid, text, text, bigint, integer, bigint, bigint, bigint, bigint, jsonb, timestamptz, jsonb
) from public;
