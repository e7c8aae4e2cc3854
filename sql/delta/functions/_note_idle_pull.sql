create or replace function syncwell._note_idle_pull(
  p_cursor bigint,
  p_device_id text,
  p_schema_version integer,
  p_started_at timestamptz,
  p_client jsonb
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- also what a session planned while the tables were small serves it when they have grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- before PostgreSQL 18 a plan that can not do without a sequential scan looks dear enough to be compiled
set jit = off
as $$
declare
  v_me record := syncwell._syncing_user();
begin
  -- a push that is under way holds the cursor: the next idle pull will do
  update syncwell.sync_cursors as c
  set idle_until = syncwell._idle_until(v_me.org_id, c.created_at)
  from (
    select k.ctid as place
    from syncwell.sync_cursors as k
    where k.org_id = v_me.org_id and k.user_id = v_me.user_id and k.cursor = p_cursor
    for no key update skip locked
  ) as k
  where c.ctid = k.place;
  perform syncwell._note_pull(
    v_me.org_id, v_me.user_id, coalesce(p_device_id, ''), 'idle', p_cursor, p_schema_version, 0, 0, 0, 0, null,
    p_started_at, p_client
  );
end
$$;
comment on function syncwell._note_idle_pull(bigint, text, integer, timestamptz, jsonb) is
'Notes that a device was here and found nothing new.';
revoke all on function syncwell._note_idle_pull(bigint, text, integer, timestamptz, jsonb) from public;
-- sync_pull() runs with its caller's rights; what is told here is about the caller's own device
grant execute on function syncwell._note_idle_pull(bigint, text, integer, timestamptz, jsonb) to syncwell_client;
