create or replace function syncwell._end_push(
  p_cursor bigint,
  p_device_id text,
  p_request_id text,
  p_answer json,
  p_result jsonb,
  p_bytes bigint,
  p_started_at timestamptz,
  p_client jsonb
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_user record;
  v_now constant timestamptz := syncwell._now();
  v_device_id constant text := coalesce(p_device_id, '');
  v_written constant bigint
  := (p_result ->> 'created')::bigint + (p_result ->> 'updated')::bigint + (p_result ->> 'deleted')::bigint;
begin
  v_user := syncwell._syncing_user();

  update syncwell.sync_cursors as c
  set
    own_xids = case
      when pg_current_xact_id() = any (c.own_xids) then c.own_xids
      else c.own_xids || pg_current_xact_id()
    end,
    absent = syncwell._merged_absent(c.absent, p_result -> 'absent')
  where c.org_id = v_user.org_id and c.user_id = v_user.user_id and c.cursor = p_cursor
    and c.device_id = v_device_id
    and (v_written > 0 or p_result -> 'absent' <> '{}');

  -- a later push of a record settles what was put aside of it before
  if p_result ? 'accepted' then
    update syncwell.sync_quarantine as q
    set resolved_at = v_now
    where q.org_id = v_user.org_id and q.user_id = v_user.user_id and q.resolved_at is null
      and p_result -> 'accepted' -> q.table_name ? q.record_id;
  end if;
  if p_result -> 'quarantined' <> '[]' then
    insert into syncwell.sync_quarantine (
      org_id, id, user_id, device_id, table_name, record_id, action, record, error_code, reason, quarantined_at
    )
    select
      v_user.org_id, syncwell._uuid7(v_now + e.position * interval '1 microsecond'), v_user.user_id, v_device_id,
      t.table_name, left(e.item ->> 'id', 255), e.item ->> 'action', e.item ->> 'record',
      e.item ->> 'code', left(e.item ->> 'reason', 500), v_now
    from jsonb_array_elements(p_result -> 'quarantined') with ordinality as e (item, position)
    inner join syncwell.synced_tables as t on t.table_name = e.item ->> 'table'
    order by e.position;
  end if;
  if p_result -> 'conflicts' <> '[]' then
    insert into syncwell.sync_conflicts (
      org_id, id, user_id, device_id, scope, table_name, record_id, action, policy, outcome, server_record,
      client_record, changed_columns, occurred_at
    )
    select
      v_user.org_id, syncwell._uuid7(v_now + e.position * interval '1 microsecond'), v_user.user_id, v_device_id,
      case t.scope_kind when 'org' then v_user.org_id else v_user.user_id end,
      t.table_name, left(e.item ->> 'id', 255), e.item ->> 'action', t.conflict_policy, e.item ->> 'outcome',
      nullif(e.item -> 'server', 'null'), nullif(e.item -> 'client', 'null'),
      case
        when jsonb_typeof(e.item -> 'changed') = 'array'
          then array(select jsonb_array_elements_text(e.item -> 'changed'))
      end,
      v_now
    from jsonb_array_elements(p_result -> 'conflicts') with ordinality as e (item, position)
    inner join syncwell.synced_tables as t on t.table_name = e.item ->> 'table'
    order by e.position;
  end if;
  if p_result -> 'stamps' <> '{}' then
    perform syncwell._stamp_tombstones(v_user.org_id, v_user.user_id, p_result -> 'stamps');
  end if;

  if p_request_id is not null then
    update syncwell.sync_requests as r
    set answer = p_answer
    where r.org_id = v_user.org_id and r.user_id = v_user.user_id and r.request_id = p_request_id;
  end if;
  perform syncwell._note_push(
    p_org_id => v_user.org_id,
    p_user_id => v_user.user_id,
    p_device_id => v_device_id,
    p_ok => true,
    p_created => (p_result ->> 'created')::bigint,
    p_updated => (p_result ->> 'updated')::bigint,
    p_deleted => (p_result ->> 'deleted')::bigint,
    p_conflicts => jsonb_array_length(p_result -> 'conflicts')::bigint,
    p_quarantined => jsonb_array_length(p_result -> 'quarantined')::bigint,
    p_bytes => p_bytes,
    p_started_at => p_started_at,
    p_error_code => null,
    p_error_message => null,
    p_client => p_client
  );
  -- a transaction that notified can't be prepared, so only where somebody wants it
  if v_written > 0 and syncwell._setting(v_user.org_id, 'delta.notify')::boolean then
    -- any role can listen: ids and nothing else
    perform pg_notify('syncwell', json_build_object('org_id', v_user.org_id, 'user_id', v_user.user_id)::text);
  end if;
end
$$;
comment on function syncwell._end_push(bigint, text, text, json, jsonb, bigint, timestamptz, jsonb) is
'The last step of a push that went well: its transaction becomes one of the cursor''s own, what was decided and put '
'aside is kept, the answer is stored under the request id, the facts are noted. p_result: {created, updated, deleted, '
'absent, accepted, quarantined, conflicts, stamps}. Errors: SW001, 42501.';
revoke all on function syncwell._end_push(bigint, text, text, json, jsonb, bigint, timestamptz, jsonb) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._end_push(bigint, text, text, json, jsonb, bigint, timestamptz, jsonb)
to syncwell_client;
