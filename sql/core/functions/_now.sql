create or replace function syncwell._now()
returns timestamptz
language plpgsql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_fake text := nullif(current_setting('syncwell.fake_now', true), '');
begin
  -- any role can set the setting: only the owner's members may move the clock
  if v_fake is not null and pg_has_role(session_user, 'syncwell_owner', 'member') then
    return v_fake::timestamptz;
  end if;
  return clock_timestamp();
end
$$;
comment on function syncwell._now() is
'The one clock: syncwell.fake_now where a member of syncwell_owner set it (tests), else clock_timestamp().';
revoke all on function syncwell._now() from public;
-- column defaults and invoker views run as the caller
grant execute on function syncwell._now() to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
