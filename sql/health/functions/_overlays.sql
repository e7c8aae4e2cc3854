create or replace function syncwell._overlays(
  p_is_paused boolean,
  p_is_maintained boolean,
  p_is_flapping boolean,
  p_is_unevaluated boolean
)
returns text[]
language sql immutable security invoker parallel safe
return array_remove(
  array[
    case when p_is_flapping then 'flapping' end,
    case when p_is_maintained then 'maintenance' end,
    case when p_is_paused then 'paused' end,
    case when p_is_unevaluated then 'unevaluated' end
  ],
  null
);
comment on function syncwell._overlays(boolean, boolean, boolean, boolean) is
'What holds beside the status of a stream, by name: flapping, maintenance (a window mutes or excludes it), paused, '
'unevaluated (evaluate_health() has not looked for two of its intervals); empty when nothing does.';
revoke all on function syncwell._overlays(boolean, boolean, boolean, boolean) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._overlays(boolean, boolean, boolean, boolean) to syncwell_reader;
