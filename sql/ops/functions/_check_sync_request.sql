create or replace function syncwell._check_sync_request(
  p_source text,
  p_reason text,
  p_device_id text,
  p_network text,
  p_battery numeric
)
returns void
language plpgsql immutable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._check_source(p_source);
  if p_reason is null then
    raise exception using
      errcode = '22004',
      message = 'a reason is needed',
      detail = 'p_reason is NULL.',
      hint = 'Pass periodic where there is no other.';
  end if;
  if p_reason not in (
    'initialization', 'foreground', 'reconnect', 'periodic', 'save', 'background', 'session', 'session_end', 'manual',
    'push'
  )
  then
    raise exception using
      errcode = '22023',
      message = 'unknown reason',
      detail = format('p_reason is %L.', left(p_reason, 100)),
      hint = 'Pass initialization, foreground, reconnect, periodic, save, background, session, session_end, manual or '
      'push.';
  end if;
  perform syncwell._check_text('p_device_id', p_device_id, 255);
  perform syncwell._check_text('p_network', p_network, 64);
  -- NaN is larger than all numbers
  if not p_battery between 0 and 100 then
    raise exception using
      errcode = '22023',
      message = 'no battery is so full',
      detail = format('p_battery is %s.', left(p_battery::text, 100)),
      hint = 'Pass percent, 0 to 100.';
  end if;
end
$$;
comment on function syncwell._check_sync_request(text, text, text, text, numeric) is
'Refuses what request_sync() does not take. Errors: 22004, 22023, 22001.';
revoke all on function syncwell._check_sync_request(text, text, text, text, numeric) from public;
