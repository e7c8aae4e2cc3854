create or replace function syncwell.register_stream(
  p_source text,
  p_user_id uuid default null,
  p_expected_interval interval default null,
  p_cron text default null,
  p_time_zone text default null,
  p_active_hours text default null,
  p_platform text default null,
  p_max_runtime interval default null,
  p_slo numeric default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_now constant timestamptz := syncwell._now();
  v_stream_id uuid;
  v_next timestamptz;
begin
  perform syncwell._check_source(p_source);
  perform syncwell._check_platform(p_platform);
  perform syncwell._check_duration('p_expected_interval', p_expected_interval, '1 second', '10 years');
  perform syncwell._check_duration('p_max_runtime', p_max_runtime, '1 second', '1 year');
  perform syncwell._check_time_zone(p_time_zone);
  perform syncwell._check_active_hours(p_active_hours);
  perform syncwell._check_text('p_cron', p_cron, 1000);
  if not (p_slo > 0 and p_slo < 1) then
    raise exception using
      errcode = '22023',
      message = 'p_slo is out of range',
      detail = format('It is %s.', left(p_slo::text, 100)),
      hint = 'Pass the share of runs that should succeed, above 0 and below 1, e.g. 0.99.';
  end if;
  v_next := syncwell._next_sync(v_caller.org_id, p_cron, p_time_zone, p_expected_interval, v_now);
  if p_cron is not null and v_next is null then
    raise exception using
      errcode = '22023',
      message = 'this schedule never fires',
      detail = format('p_cron is %L.', left(p_cron, 100)),
      hint = 'Days such as 30 February do not exist.';
  end if;

  v_stream_id := syncwell._ensure_stream(v_caller.org_id, v_user_id, p_source, p_platform);
  update syncwell.streams as s
  set
    expected_interval = p_expected_interval,
    cron = p_cron,
    time_zone = p_time_zone,
    active_hours = p_active_hours,
    platform = p_platform,
    max_runtime = p_max_runtime,
    slo = p_slo,
    registered_at = coalesce(s.registered_at, v_now)
  where s.org_id = v_caller.org_id
    and s.stream_id = v_stream_id
    and (
      s.registered_at is null
      or (s.expected_interval, s.cron, s.time_zone, s.active_hours, s.platform, s.max_runtime, s.slo)
      is distinct from (p_expected_interval, p_cron, p_time_zone, p_active_hours, p_platform, p_max_runtime, p_slo)
    );
  if found then
    update syncwell.sync_state as t
    set
      expected_interval = p_expected_interval,
      next_sync_at = case
        when p_cron is not null then v_next
        else coalesce(syncwell._next_sync(t.org_id, null, null, p_expected_interval, t.last_run_at), v_next)
      end
    where t.org_id = v_caller.org_id and t.stream_id = v_stream_id;
  end if;
  return v_stream_id;
end
$$;
comment on function syncwell.register_stream(text, uuid, interval, text, text, text, text, interval, numeric) is
'Declares what is expected of the stream of p_source, so that one that never runs is noticed. The arguments are the '
'whole declaration: what is left out is cleared. p_user_id NULL: the caller''s own, for a service the org''s own; '
'p_expected_interval: how often it should succeed (1 s to 10 years); p_cron: five fields; p_time_zone: of cron and '
'active hours, NULL = the org''s; p_active_hours: e.g. Mon-Fri 08:00-18:00; p_platform: android, ios, web, server, '
'other; p_max_runtime: longer runs end as timeout; p_slo: share that should succeed. Idempotent; brings a retired '
'stream back. Returns the stream''s id. Errors: SW001, SW002, 22004 without a source, 22023 for anything not '
'understood, 22001 for a p_cron over 1000 characters.';
revoke all on function syncwell.register_stream(text, uuid, interval, text, text, text, text, interval, numeric)
from public;
grant execute on function syncwell.register_stream(text, uuid, interval, text, text, text, text, interval, numeric)
to syncwell_worker;
