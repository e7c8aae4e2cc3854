create or replace function syncwell._idle_pull(
  p_cursor bigint,
  p_device_id text,
  p_now timestamptz
)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- also what a session planned while the tables were small serves it when they have grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- before PostgreSQL 18 a plan that can not do without a sequential scan looks dear enough to be compiled
set jit = off
as $$
declare
  v_me record := syncwell._identity();
begin
  return (
    select
      c.device_id = p_device_id
      and c.idle_until > p_now
      and c.page_table is null
      and c.absent is null
      and c.tables is null
      and not exists (
        select from syncwell.record_changes as r
        where r.scope in (v_me.user_id, v_me.org_id)
          and r.xid >= pg_snapshot_xmin(c.snapshot)
          and not pg_visible_in_snapshot(r.xid, c.snapshot)
      )
      and not exists (
        select from syncwell.sync_horizons as h
        where h.scope in (v_me.user_id, v_me.org_id) and h.purged_below > pg_snapshot_xmin(c.snapshot)
      )
      and not exists (
        select from syncwell.sync_devices as d
        where d.org_id = c.org_id
          and d.user_id = c.user_id
          and d.device_id = c.device_id
          and not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot)
      )
      and not exists (
        select from syncwell.synced_tables as t
        where t.partitions is not null
          or t.registered_xid >= pg_snapshot_xmin(c.snapshot)
          or t.reset_xid >= pg_snapshot_xmin(c.snapshot)
      )
      and exists (
        select from syncwell.sync_incarnations as i
        where i.incarnation = c.incarnation
          and i.system_identifier = current_setting('syncwell.system_identifier', true)
      )
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_cursor
  );
end
$$;
comment on function syncwell._idle_pull(bigint, text, timestamptz) is
'Whether there is surely nothing to send and nothing to note for the caller''s cursor: the short way of the pulls that '
'are made most. Anything but true says nothing.';
revoke all on function syncwell._idle_pull(bigint, text, timestamptz) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._idle_pull(bigint, text, timestamptz) to syncwell_client;
