create or replace function syncwell._window_fits(
  p_window syncwell.maintenance_windows,
  p_source text,
  p_user_id uuid,
  p_platform text
)
returns boolean
language sql immutable security invoker parallel safe
return ((p_window).source is null or (p_window).source = p_source)
and ((p_window).user_id is null or (p_window).user_id = p_user_id)
and ((p_window).platform is null or (p_window).platform = p_platform);
comment on function syncwell._window_fits(syncwell.maintenance_windows, text, uuid, text) is
'Whether a maintenance window is for a stream: what the window leaves open fits any; not true where the stream''s is '
'not known.';
revoke all on function syncwell._window_fits(syncwell.maintenance_windows, text, uuid, text) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._window_fits(syncwell.maintenance_windows, text, uuid, text) to syncwell_reader;
