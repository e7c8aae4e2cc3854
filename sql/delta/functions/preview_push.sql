create or replace function syncwell.preview_push(
  p_changes json,
  p_last_pulled_at bigint default null,
  p_device_id text default null
)
returns json
language sql volatile security invoker
begin atomic
  select syncwell._push(
    p_changes, p_last_pulled_at, p_device_id, null, null, true, pg_catalog.current_setting('search_path')
  );
end;
comment on function syncwell.preview_push(json, bigint, text) is
'What sync_push() would answer now to p_changes, p_last_pulled_at and p_device_id, conflicts and refused records '
'included, and nothing of it is kept: it is done in a subtransaction and undone (by P0001, which never leaves it), so '
'it takes as long, and holds no lock afterwards; only sequences move on. Failures are answered, not noted: SW304, '
'SW311, 40001, 22023, 22001. Errors: SW001, 42501, and 40001 and 40P01 as there.';
revoke all on function syncwell.preview_push(json, bigint, text) from public;
grant execute on function syncwell.preview_push(json, bigint, text) to syncwell_client;
