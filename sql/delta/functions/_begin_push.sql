create or replace function syncwell._begin_push(
  p_last_pulled_at bigint,
  p_device_id text,
  p_request_id text,
  out org_id uuid,
  out user_id uuid,
  out answer json,
  out refusal text,
  out snapshot pg_snapshot,
  out own_xids xid8[],
  out tables integer[],
  out has_quarantine boolean,
  out max_records integer,
  out max_bad integer,
  out started_at timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_user record;
  v_cursor syncwell.sync_cursors;
  v_incarnation integer;
  v_scopes uuid[];
begin
  v_user := syncwell._syncing_user();
  org_id := v_user.org_id;
  user_id := v_user.user_id;
  started_at := syncwell._now();
  perform syncwell._check_text('p_device_id', p_device_id, 255);
  perform syncwell._check_text('p_request_id', p_request_id, 200);
  max_records := syncwell._setting(v_user.org_id, 'delta.max_push_records')::integer;
  max_bad := syncwell._setting(v_user.org_id, 'delta.quarantine_limit')::integer;
  if p_request_id is not null then
    -- waits for another push with this id, and then finds its answer
    insert into syncwell.sync_requests (org_id, user_id, request_id, answer, created_at)
    values (v_user.org_id, v_user.user_id, p_request_id, 'null', syncwell._now())
    on conflict (org_id, user_id, request_id) do nothing;
    if not found then
      select r.answer into answer
      from syncwell.sync_requests as r
      where r.org_id = v_user.org_id and r.user_id = v_user.user_id and r.request_id = p_request_id;
      return;
    end if;
  end if;

  v_incarnation := syncwell._incarnation();
  v_scopes := array[v_user.org_id, v_user.user_id];
  -- pushes of one device under one cursor go one after the other: the second must know the first as its own
  select c.* into v_cursor
  from syncwell.sync_cursors as c
  where c.org_id = v_user.org_id and c.user_id = v_user.user_id and c.cursor = p_last_pulled_at
  for update;
  refusal := case
    when p_last_pulled_at is null then 'The device has not pulled yet.'
    when v_cursor.cursor is null or v_cursor.incarnation <> v_incarnation
      or v_cursor.device_id <> coalesce(p_device_id, '') then 'Its last pull is not known here.'
    when v_cursor.page_table is not null then 'Its last pull was one page of several.'
    when exists (
      select from syncwell.sync_horizons as h
      where h.scope = any (v_scopes) and pg_snapshot_xmin(v_cursor.snapshot) < h.purged_below
    ) then 'Its last pull is so old that deletions since then are forgotten.'
    when exists (
      select from syncwell.sync_devices as d
      where d.org_id = v_user.org_id and d.user_id = v_user.user_id and d.device_id = v_cursor.device_id
        and not pg_visible_in_snapshot(d.invalidated_xid, v_cursor.snapshot)
    ) then 'Its records have to be replaced first.'
  end;
  if refusal is not null then
    return;
  end if;
  snapshot := v_cursor.snapshot;
  -- a push whose answer was lost may have committed after the cursor that followed it was made
  own_xids := v_cursor.own_xids || coalesce(
    (
      select c.own_xids
      from syncwell.sync_cursors as c
      where c.org_id = v_user.org_id and c.user_id = v_user.user_id and c.cursor = v_cursor.parent
    ),
    '{}'
  );
  tables := v_cursor.tables;
  has_quarantine := exists (
    select from syncwell.sync_quarantine as q
    where q.org_id = v_user.org_id and q.user_id = v_user.user_id and q.resolved_at is null
  );
end
$$;
comment on function syncwell._begin_push(bigint, text, text) is
'The first step of a push, inside its subtransaction: who pushes; the stored answer where the request is known; what '
'the device has seen (its cursor, locked until the transaction ends), or in refusal why it must pull first; the '
'limits. Errors: SW001, 42501, 22001.';
revoke all on function syncwell._begin_push(bigint, text, text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._begin_push(bigint, text, text) to syncwell_client;
