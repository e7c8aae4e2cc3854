create or replace function syncwell.report_client_queue(
  p_device_id text,
  p_depth bigint,
  p_oldest_at timestamptz default null,
  p_source text default null,
  p_platform text default null,
  p_reported_at timestamptz default null,
  p_user_id uuid default null
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_now constant timestamptz := syncwell._now();
  v_source constant text := coalesce(p_source, syncwell._setting(v_org_id, 'queue.source'));
begin
  if v_user_id is null then
    raise exception using
      errcode = '22004',
      message = 'a queue of a device is a user''s',
      detail = 'p_user_id is NULL, and the caller is no user.',
      hint = 'Pass the user whose device it is.';
  end if;
  if p_device_id is null or p_depth is null then
    raise exception using
      errcode = '22004',
      message = 'a device and the depth of its queue are needed',
      detail = 'p_device_id or p_depth is NULL.',
      hint = 'An empty queue has depth 0.';
  end if;
  perform syncwell._check_text('p_device_id', p_device_id, 255);
  perform syncwell._check_count('p_depth', p_depth);
  perform syncwell._check_source(v_source);
  perform syncwell._check_platform(p_platform);
  if greatest(p_oldest_at, p_reported_at) > v_now + interval '5 minutes'
    or least(p_oldest_at, p_reported_at) < '2000-01-01 00:00+00'
  then
    raise exception using
      errcode = '22023',
      message = 'the clock of the device is wrong',
      detail = format('p_oldest_at is %s, p_reported_at %s.', p_oldest_at, p_reported_at),
      hint = 'Times from 2000 to five minutes ahead are taken; without p_reported_at it is this moment.';
  end if;

  insert into syncwell.client_queues as c (
    org_id, user_id, device_id, source, depth, oldest_at, platform, reported_at, received_at
  )
  values (
    v_org_id, v_user_id, coalesce(syncwell._redact(v_org_id, v_user_id, p_device_id), ''), v_source, p_depth,
    case when p_depth > 0 then p_oldest_at end, p_platform, coalesce(p_reported_at, v_now), v_now
  )
  on conflict (org_id, user_id, device_id, source) do update
  set
    depth = excluded.depth,
    oldest_at = excluded.oldest_at,
    platform = coalesce(excluded.platform, c.platform),
    reported_at = excluded.reported_at,
    received_at = excluded.received_at
  where excluded.reported_at >= c.reported_at;
  return found;
end
$$;
comment on function
syncwell.report_client_queue(text, bigint, timestamptz, text, text, timestamptz, uuid) is
'What a device tells of the queue that it keeps itself: how many operations wait (p_depth), since when the oldest '
'does (p_oldest_at), of p_source (NULL: setting queue.source), when it was so (p_reported_at, NULL: now). '
'p_device_id: which device, at most 255 characters, kept by consent; p_platform: android, ios, web, server, other. '
'The newest report wins, whatever the order they arrive in; false: a newer one is known. p_user_id: whose device '
'(admins and services). A device that never reported is unknown, not empty. Errors: SW001, SW002, 22001, 22004, 22023.';
revoke all on function
syncwell.report_client_queue(text, bigint, timestamptz, text, text, timestamptz, uuid) from public;
grant execute on function
syncwell.report_client_queue(text, bigint, timestamptz, text, text, timestamptz, uuid)
to syncwell_client, syncwell_worker;
