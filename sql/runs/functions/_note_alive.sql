create or replace function syncwell._note_alive(
  p_org_id uuid,
  p_user_id uuid,
  p_source text
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  update syncwell.sync_state as t
  set
    last_successful_sync = greatest(t.last_successful_sync, v_now),
    next_sync_at = syncwell._next_sync(s.org_id, s.cron, s.time_zone, s.expected_interval, v_now)
  from syncwell.streams as s
  where s.org_id = p_org_id
    and s.user_id = p_user_id
    and s.source = p_source
    and s.retired_at is null
    and t.org_id = s.org_id
    and t.stream_id = s.stream_id
    -- since when a streak of failures lasts must stay readable
    and t.consecutive_failures = 0;
end
$$;
comment on function syncwell._note_alive(uuid, uuid, text) is
'A sync that found nothing to do: the stream of the user is as fresh as after a run that succeeded, and no run is '
'counted. Nothing happens to a stream that is retired, not there, or failing: only a run shows that it works again.';
revoke all on function syncwell._note_alive(uuid, uuid, text) from public;
