create or replace function syncwell._window_mode(
  p_windows syncwell.maintenance_windows[],
  p_source text,
  p_user_id uuid,
  p_platform text
)
returns text
language sql immutable security invoker parallel safe
begin atomic
  select w.mode
  from unnest(p_windows) as w
  where syncwell._window_fits(w, p_source, p_user_id, p_platform)
  order by array_position(array['pause', 'exclude', 'mute'], w.mode)
  limit 1;
end;
comment on function syncwell._window_mode(syncwell.maintenance_windows[], text, uuid, text) is
'The strongest mode (pause, then exclude, then mute) of those of p_windows that fit a stream; NULL when none does.';
revoke all on function syncwell._window_mode(syncwell.maintenance_windows[], text, uuid, text) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._window_mode(syncwell.maintenance_windows[], text, uuid, text) to syncwell_reader;
