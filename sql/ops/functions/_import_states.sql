create or replace function syncwell._import_states(
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
  v_org_id uuid;
  v_stream_id uuid;
  v_state syncwell.sync_state;
  v_is_new boolean;
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
      perform syncwell._check_source(v_row ->> 'source');
      perform syncwell._check_platform(v_row ->> 'platform');
      perform syncwell._check_count('items_in_database', (v_row ->> 'items_in_database')::bigint);
      perform syncwell._check_count('consecutive_failures', (v_row ->> 'consecutive_failures')::bigint);
      v_state := null;
      v_state.last_sync_token := v_row ->> 'last_sync_token';
      v_state.last_full_sync := syncwell._import_time(v_row, 'last_full_sync', p_now);
      v_state.last_incremental_sync := syncwell._import_time(v_row, 'last_incremental_sync', p_now);
      v_state.last_failed_sync := syncwell._import_time(v_row, 'last_failed_sync', p_now);
      v_state.last_successful_sync := coalesce(
        syncwell._import_time(v_row, 'last_successful_sync', p_now),
        greatest(v_state.last_full_sync, v_state.last_incremental_sync)
      );
      v_state.last_run_at := coalesce(
        syncwell._import_time(v_row, 'last_run_at', p_now),
        greatest(v_state.last_successful_sync, v_state.last_failed_sync)
      );
      v_state.last_status := coalesce(
        v_row ->> 'last_status',
        case
          when v_state.last_failed_sync > v_state.last_successful_sync or v_state.last_successful_sync is null
            then case when v_state.last_failed_sync is not null then 'failed' end
          else 'success'
        end
      );
      v_state.consecutive_failures := coalesce(
        (v_row ->> 'consecutive_failures')::integer, (v_state.last_status = 'failed')::integer, 0
      );
      v_state.expected_interval := (v_row ->> 'expected_interval')::interval;
      v_state.items_in_database := (v_row ->> 'items_in_database')::bigint;
      if v_state.last_status <> all (array['success', 'partial', 'failed', 'timeout', 'cancelled']) then
        raise exception using
          errcode = '22023',
          message = 'last_status is unknown',
          detail = 'It is none of success, partial, failed, timeout and cancelled.',
          hint = 'Leave it out, or say it in these words.';
      end if;
      if v_state.expected_interval <= '0' then
        raise exception using
          errcode = '22023',
          message = 'expected_interval is not positive',
          detail = 'A stream can not be expected all the time.',
          hint = 'Leave it out where it is not known.';
      end if;

      v_stream_id := syncwell._ensure_stream(
        v_org_id, (v_row ->> 'user_id')::uuid, v_row ->> 'source', v_row ->> 'platform'
      );
      update syncwell.streams as s
      set expected_interval = v_state.expected_interval
      where s.org_id = v_org_id
        and s.stream_id = v_stream_id
        and s.expected_interval is null
        and v_state.expected_interval is not null;
      -- what syncwell has seen itself is newer
      select t.last_run_at is null into v_is_new
      from syncwell.sync_state as t
      where t.org_id = v_org_id and t.stream_id = v_stream_id;
      update syncwell.sync_state as t
      set
        last_sync_token = v_state.last_sync_token,
        last_full_sync = v_state.last_full_sync,
        last_incremental_sync = v_state.last_incremental_sync,
        last_successful_sync = v_state.last_successful_sync,
        last_failed_sync = v_state.last_failed_sync,
        last_status = v_state.last_status,
        last_run_at = v_state.last_run_at,
        consecutive_failures = v_state.consecutive_failures,
        is_healthy = v_state.consecutive_failures
          < syncwell._setting(v_org_id, 'runs.failure_threshold', v_row ->> 'source', v_row ->> 'platform')::integer,
        health_check_at = p_now,
        expected_interval = coalesce(t.expected_interval, v_state.expected_interval),
        items_in_database = coalesce(v_state.items_in_database, t.items_in_database)
      where t.org_id = v_org_id
        and t.stream_id = v_stream_id
        and t.total_runs = 0
        and (t.last_run_at is null or t.last_run_at < v_state.last_run_at);
      case
        when not found then duplicates := duplicates + 1;
        when v_is_new then imported := imported + 1;
        else updated := updated + 1;
      end case;
    exception
      when data_exception or check_violation then
        get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail;
        rejections := rejections || jsonb_build_object(
          'key', v_row -> 'key', 'reason', concat_ws(': ', 'bad_state', v_message, nullif(v_detail, ''))
        );
    end;
  end loop;
end
$$;
comment on function syncwell._import_states(jsonb[], timestamptz) is
'What a host knows of how its sources sync, for import_existing(): of streams of which syncwell has seen no run.';
revoke all on function syncwell._import_states(jsonb[], timestamptz) from public;
