create or replace function syncwell._push(
  p_changes json,
  p_last_pulled_at bigint,
  p_device_id text,
  p_request_id text,
  p_client jsonb,
  p_preview boolean,
  p_search_path text
)
returns json
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_bytes constant bigint := coalesce(octet_length(p_changes::text), 0);
  v_request_id constant text := nullif(p_request_id, '');
  v_changes json;
  v_started_at timestamptz;
  v_begun record;
  v_done record;
  v_mode text := 'upserts first';
  v_tries integer := 0;
  v_is_known boolean := false;
  v_is_finished boolean := false;
  v_state text;
  v_message text;
  v_detail text;
  v_hint text;
  v_column text;
  v_conflicts bigint := 0;
  v_stamps jsonb := '{}'::jsonb;
begin
  loop
    v_tries := v_tries + 1;
    begin
      v_begun := syncwell._begin_push(p_last_pulled_at, p_device_id, v_request_id);
      v_started_at := coalesce(v_started_at, v_begun.started_at);
      if v_begun.answer is not null then
        return v_begun.answer;
      end if;
      if v_begun.refusal is not null then
        raise exception using
          errcode = '40001',
          message = 'pull first',
          detail = v_begun.refusal,
          hint = 'Pull, then push under the cursor of that pull.',
          column = 'p_last_pulled_at';
      end if;
      v_changes := coalesce(v_changes, syncwell._repaired_json(p_changes::text));
      v_done := syncwell._push_attempt(
        v_changes, v_mode, v_begun.org_id, v_begun.user_id, v_begun.snapshot, v_begun.own_xids, v_begun.tables,
        v_begun.max_records, v_begun.max_bad, v_begun.has_quarantine, v_request_id, p_search_path
      );
      if v_done.is_stale then
        raise exception using
          errcode = '40P01',
          message = 'somebody else writes the same records',
          detail = 'They appeared while they were being pushed.',
          hint = 'Push again.';
      end if;
      if v_done.refused is not null then
        v_conflicts := (select sum(jsonb_array_length(r.value)) from jsonb_each(v_done.refused) as r);
        v_stamps := v_done.stamps;
        raise exception using
          errcode = 'SW304',
          message = 'pushed records were changed on the server since the device pulled',
          detail = (
            select string_agg(
              format(
                '%s: %s (%s)', r.key, jsonb_array_length(r.value),
                (
                  select string_agg(i.id, ', ' order by i.n)
                  from jsonb_array_elements_text(r.value) with ordinality as i (id, n)
                  where i.n <= 20
                )
              ),
              '; '
            )
            from jsonb_each(v_done.refused) as r
          ),
          hint = 'Pull, let the client merge, and push again.';
      end if;
      if not p_preview then
        perform syncwell._end_push(
          p_last_pulled_at, p_device_id, v_request_id, v_done.answer, v_done.result, v_bytes, v_started_at, p_client
        );
        return v_done.answer;
      end if;
      v_is_finished := true;
      raise exception using
        errcode = 'P0001',
        message = 'a preview is rolled back',
        detail = 'Nothing of it is kept.',
        hint = 'Nobody sees this: the answer is given instead.';
    exception
      when others then
        if v_is_finished then
          return v_done.answer;
        end if;
        get stacked diagnostics
          v_state = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail,
          v_hint = pg_exception_hint, v_column = column_name;
        v_is_known := v_column in ('p_changes', 'p_last_pulled_at') or v_state like 'SW%';
        -- nobody, or a service: there is no device whose failure this could be
        if v_begun is null and v_state in ('SW001', '42501') then
          raise;
        end if;
        -- whoever reads in one snapshot has to begin anew to see what came between
        if v_state in ('40001', '40P01') and not v_is_known
          and current_setting('transaction_isolation') not in ('read committed', 'read uncommitted')
        then
          raise;
        end if;
    end;

    -- the locks are gone with the attempt
    continue when v_state = '40P01' and v_tries < 5;
    exit when v_is_known or not syncwell._is_bad_record(v_state);
    v_mode := case v_mode
      when 'upserts first' then
        case when v_state in ('23503', '23505', '23P01', '23001') then 'deletes first' else 'carefully' end
      when 'deletes first' then 'carefully'
      when 'carefully' then case when v_state like '23%' then 'checking' end
    end;
    exit when v_mode is null;
  end loop;
  return syncwell._fail_push(
    p_device_id,
    jsonb_build_object('code', v_state, 'message', v_message, 'detail', v_detail, 'hint', v_hint),
    v_conflicts, v_stamps, v_bytes, v_started_at, p_client, p_preview
  );
end
$$;
comment on function syncwell._push(json, bigint, text, text, jsonb, boolean, text) is
'sync_push() and preview_push(): attempts in subtransactions, each in a more patient way than the one before; the '
'failure of the last one is the answer. Errors: SW001, 42501 (no user), and 40001 or 40P01 in a transaction of '
'REPEATABLE READ or SERIALIZABLE; inside, and answered: SW304, SW311, 22001, 22023, 40001, P0001.';
revoke all on function syncwell._push(json, bigint, text, text, jsonb, boolean, text) from public;
-- sync_push and preview_push run with the caller's rights
grant execute on function syncwell._push(json, bigint, text, text, jsonb, boolean, text) to syncwell_client;
