create or replace function syncwell.maintenance_window(
  p_starts_at timestamptz,
  p_ends_at timestamptz,
  p_mode text default 'mute',
  p_source text default null,
  p_user_id uuid default null,
  p_platform text default null,
  p_cron text default null,
  p_time_zone text default null,
  p_reason text default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_handler record := syncwell._issue_handler();
  v_now constant timestamptz := syncwell._now();
  v_zone text;
  v_window record;
  v_id uuid;
begin
  if p_starts_at is null or p_ends_at is null or p_mode is null then
    raise exception using
      errcode = '22004',
      message = 'a maintenance window needs a beginning, an end and a mode',
      detail = format(
        '%s is NULL.',
        case when p_starts_at is null then 'p_starts_at' when p_ends_at is null then 'p_ends_at' else 'p_mode' end
      ),
      hint = 'Leave p_mode out for mute.';
  end if;
  if p_mode not in ('mute', 'exclude', 'pause') then
    raise exception using
      errcode = '22023',
      message = 'unknown mode of maintenance',
      detail = format('p_mode is %L.', left(p_mode, 100)),
      hint = 'Pass mute, exclude or pause.';
  end if;
  if p_source is not null then
    perform syncwell._check_source(p_source);
  end if;
  perform syncwell._check_platform(p_platform);
  perform syncwell._check_time_zone(p_time_zone);
  perform syncwell._check_text('p_cron', p_cron, 1000);
  perform syncwell._check_text('p_reason', p_reason, 1000);
  if p_user_id is not null then
    perform syncwell._target_user(p_user_id);
  end if;
  if not (
    p_starts_at between v_now - interval '10 years' and v_now + interval '10 years'
    and p_ends_at > p_starts_at
    and p_ends_at <= p_starts_at + interval '366 days'
    and (p_ends_at > v_now or p_cron is not null)
  )
  then
    raise exception using
      errcode = '22023',
      message = 'this is no time for a maintenance window',
      detail = format('It would be from %s to %s.', p_starts_at, p_ends_at),
      hint = 'It ends after it begins, within 366 days, and is not over yet; both lie within ten years of now.';
  end if;

  select coalesce(p_time_zone, o.time_zone) into v_zone from syncwell.orgs as o where o.org_id = v_handler.org_id;
  if syncwell._cron_next(p_cron, v_zone, v_now) is null and p_cron is not null then
    raise exception using
      errcode = '22023',
      message = 'this schedule never fires',
      detail = format('p_cron is %L.', left(p_cron, 100)),
      hint = 'Days such as 30 February do not exist.';
  end if;
  v_window := syncwell._next_window(p_cron, v_zone, p_starts_at, p_ends_at, v_now);
  insert into syncwell.maintenance_windows (
    org_id, mode, source, user_id, platform, starts_at, ends_at, cron, time_zone, reason, created_by
  )
  values (
    v_handler.org_id, p_mode, p_source, p_user_id, p_platform, v_window.starts_at, v_window.ends_at, p_cron,
    p_time_zone, p_reason, v_handler.user_id
  )
  returning id into v_id;
  return v_id;
end
$$;
comment on function
syncwell.maintenance_window(timestamptz, timestamptz, text, text, uuid, text, text, text, text) is
'Plans maintenance from p_starts_at to p_ends_at (at most 366 days). p_mode: mute (nobody is alerted), exclude (nor '
'does the time count for uptime and baselines) or pause (nor is anything expected: what was due meanwhile is due after '
'it). It fits streams of p_source, p_user_id and p_platform; each of them NULL = all. p_cron: when it comes again for '
'as long, five fields, by the clock of p_time_zone (NULL = the org''s); of one whose first time is over, the '
'occurrence that is on or next is kept. p_reason: at most 1000 characters. For admins and services. Returns its id, '
'which cancel_maintenance_window() takes. Errors: SW001; SW002; 22004; 22023 for anything not understood or a time '
'that is over; 22001; 42501 for others.';
revoke all on function
syncwell.maintenance_window(timestamptz, timestamptz, text, text, uuid, text, text, text, text) from public;
grant execute on function
syncwell.maintenance_window(timestamptz, timestamptz, text, text, uuid, text, text, text, text)
to syncwell_client, syncwell_worker;
