create or replace function syncwell._fail_push(
  p_device_id text,
  p_error jsonb,
  p_conflicts bigint,
  p_stamps jsonb,
  p_bytes bigint,
  p_started_at timestamptz,
  p_client jsonb,
  p_preview boolean
)
returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user record;
  v_code constant text := p_error ->> 'code';
  v_status constant integer := syncwell._http_status(v_code);
begin
  v_user := syncwell._syncing_user();
  if not p_preview then
    if p_stamps <> '{}' then
      perform syncwell._stamp_tombstones(v_user.org_id, v_user.user_id, p_stamps);
    end if;
    perform syncwell._note_push(
      p_org_id => v_user.org_id,
      p_user_id => v_user.user_id,
      p_device_id => left(coalesce(p_device_id, ''), 255),
      p_ok => false,
      p_created => 0,
      p_updated => 0,
      p_deleted => 0,
      p_conflicts => p_conflicts,
      p_quarantined => 0,
      p_bytes => p_bytes,
      p_started_at => coalesce(p_started_at, syncwell._now()),
      p_error_code => v_code,
      p_error_message => syncwell._scrub_secrets(p_error ->> 'message'),
      p_client => p_client
    );
  end if;
  -- PostgREST answers with it
  perform set_config('response.status', v_status::text, true);
  return json_build_object(
    'success', false,
    'error', json_build_object(
      'code', v_code,
      'message', syncwell._scrub_secrets(p_error ->> 'message'),
      'detail', syncwell._scrub_secrets(p_error ->> 'detail'),
      'hint', p_error ->> 'hint',
      'status', v_status
    )
  );
end
$$;
comment on function syncwell._fail_push(text, jsonb, bigint, jsonb, bigint, timestamptz, jsonb, boolean) is
'What a refused push leaves: the failure as a fact, the deletions it must be told of again, '
'the status for PostgREST; a preview leaves the status only. Returns the answer. Errors: SW001, 42501.';
revoke all on function syncwell._fail_push(text, jsonb, bigint, jsonb, bigint, timestamptz, jsonb, boolean) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._fail_push(text, jsonb, bigint, jsonb, bigint, timestamptz, jsonb, boolean)
to syncwell_client;
