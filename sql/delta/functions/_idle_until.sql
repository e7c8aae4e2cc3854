create or replace function syncwell._idle_until(
  p_org_id uuid,
  p_created_at timestamptz
)
returns timestamptz
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return least(
    syncwell._now() + syncwell._setting(p_org_id, 'delta.idle_interval')::interval,
    p_created_at + syncwell._setting(p_org_id, 'delta.cursor_refresh')::interval
  );
end
$$;
comment on function syncwell._idle_until(uuid, timestamptz) is
'Until when pulls with a cursor made at p_created_at, used now, have nothing to write.';
revoke all on function syncwell._idle_until(uuid, timestamptz) from public;
