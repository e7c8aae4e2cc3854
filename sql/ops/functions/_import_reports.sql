create or replace function syncwell._import_reports(
  p_rows jsonb[],
  p_now timestamptz,
  out imported bigint,
  out duplicates bigint,
  out updated bigint,
  out rejections jsonb[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb;
  v_metrics jsonb;
  v_org_id uuid;
  v_user_id uuid;
  v_stream_id uuid;
  v_was_there boolean;
  v_message text;
  v_detail text;
begin
  imported := 0;
  duplicates := 0;
  updated := 0;
  rejections := array[]::jsonb[];
  foreach v_row in array p_rows loop
    begin
      v_org_id := (v_row ->> 'org_id')::uuid;
      v_user_id := (v_row ->> 'user_id')::uuid;
      perform syncwell._check_source(v_row ->> 'source');
      v_metrics := syncwell._checked_metrics(
        jsonb_strip_nulls(v_row - array['key', 'org_id', 'user_id', 'source']), p_now
      );
      if not v_metrics ? 'reported_at' then
        perform syncwell._refuse_metric('reported_at', 'is needed');
      end if;
      if syncwell._redact(v_org_id, v_user_id, true) is null then
        v_metrics := v_metrics - array['device_id', 'network'];
      end if;
      v_stream_id := syncwell._ensure_stream(v_org_id, v_user_id, v_row ->> 'source', v_metrics ->> 'platform');
      v_was_there := exists (
        select from syncwell.sync_health as h
        where h.org_id = v_org_id
          and h.stream_id = v_stream_id
          and h.device_id = coalesce(v_metrics ->> 'device_id', '')
      );
      insert into syncwell.sync_health as h (
        org_id, stream_id, device_id, user_id, source, platform, network, sync_duration_ms, record_count, error_count,
        queue_depth, oldest_pending_at, reported_at, received_at, recent_reports
      )
      values (
        v_org_id, v_stream_id, coalesce(v_metrics ->> 'device_id', ''), v_user_id, v_row ->> 'source',
        v_metrics ->> 'platform', nullif(v_metrics ->> 'network', ''), (v_metrics ->> 'sync_duration_ms')::bigint,
        (v_metrics ->> 'record_count')::bigint, (v_metrics ->> 'error_count')::bigint,
        (v_metrics ->> 'queue_depth')::bigint,
        case
          when v_metrics ->> 'queue_depth' is distinct from '0' then (v_metrics ->> 'oldest_pending_at')::timestamptz
        end,
        (v_metrics ->> 'reported_at')::timestamptz, (v_metrics ->> 'reported_at')::timestamptz,
        array[(v_metrics ->> 'reported_at')::timestamptz]
      )
      on conflict (org_id, stream_id, device_id) do update
      set
        platform = coalesce(excluded.platform, h.platform),
        network = coalesce(excluded.network, h.network),
        sync_duration_ms = coalesce(excluded.sync_duration_ms, h.sync_duration_ms),
        record_count = coalesce(excluded.record_count, h.record_count),
        error_count = coalesce(excluded.error_count, h.error_count),
        queue_depth = coalesce(excluded.queue_depth, h.queue_depth),
        oldest_pending_at = excluded.oldest_pending_at,
        reported_at = excluded.reported_at,
        received_at = excluded.received_at,
        recent_reports = h.recent_reports[cardinality(h.recent_reports) - 30:] || excluded.reported_at
      where excluded.reported_at > h.reported_at;
      if not found then
        duplicates := duplicates + 1;
      else
        insert into syncwell.stream_states as t (org_id, stream_id, user_id, source, queue_reported_at)
        values (
          v_org_id, v_stream_id, v_user_id, v_row ->> 'source', (v_metrics ->> 'reported_at')::timestamptz
        )
        on conflict (org_id, stream_id) do update
        set queue_reported_at = greatest(t.queue_reported_at, excluded.queue_reported_at);
        perform syncwell._recount_queue(v_org_id, v_stream_id);
        imported := imported + (not v_was_there)::integer;
        updated := updated + v_was_there::integer;
      end if;
    exception
      when data_exception or check_violation or sqlstate 'SW605' then
        get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail;
        rejections := rejections || jsonb_build_object(
          'key', v_row -> 'key', 'reason', concat_ws(': ', 'bad_report', v_message, nullif(v_detail, ''))
        );
    end;
  end loop;
end
$$;
comment on function syncwell._import_reports(jsonb[], timestamptz) is
'What devices last told of their syncing, for import_existing(): the newest of each device, without their history.';
revoke all on function syncwell._import_reports(jsonb[], timestamptz) from public;
