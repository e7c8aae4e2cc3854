create or replace function syncwell.get_alert_deliveries(
  p_limit integer default 50,
  p_state text default null,
  p_channel text default null
)
returns table (
  alert_id uuid,
  channel text,
  fingerprint text,
  status text,
  severity text,
  labels jsonb,
  state text,
  reason text,
  attempts integer,
  failures integer,
  next_attempt_at timestamptz,
  created_at timestamptz,
  ended_at timestamptz,
  last_failed_at timestamptz,
  last_error_type text,
  last_error text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
begin
  perform syncwell._check_limit(p_limit);
  if p_state not in ('pending', 'done', 'dead', 'skipped') then
    raise exception using
      errcode = '22023',
      message = 'unknown state of a delivery',
      detail = format('p_state is %L.', left(p_state, 100)),
      hint = 'Pass pending, done, dead or skipped, or leave it out for all.';
  end if;
  return query
  select
    d.alert_id, d.channel, d.fingerprint, d.status, a.severity, a.labels, d.state, d.reason, d.attempts, d.failures,
    case d.state when 'pending' then d.next_attempt_at end, d.created_at, d.ended_at, d.last_failed_at,
    d.last_error_type,
    case when v_caller.role in ('admin', 'service') then d.last_error end
  from syncwell.alert_deliveries as d
  join syncwell.alert_outbox as a on a.org_id = d.org_id and a.id = d.alert_id
  where d.org_id = v_caller.org_id
    and v_caller.sees_org
    and (p_state is null or d.state = p_state)
    and (p_channel is null or d.channel = p_channel)
  order by d.alert_id desc, d.channel
  limit p_limit;
end
$$;
comment on function syncwell.get_alert_deliveries(integer, text, text) is
'Which alert of the org goes out by which channel and how far that is, the newest alerts first, for analysts, admins '
'and services; others see none. p_limit: default 50, 1 to 1000; p_state: pending, done (it went out), dead (it did '
'not, and is not tried again), skipped (not for this channel), NULL = all; p_channel: its name, NULL = all. reason: '
'retry, parked, permanent, too_old, no_match, not_told; attempts: how often it was handed out; failures: how many of '
'these failed; next_attempt_at: when it is tried next, or when the lease of who tries ends; last_error: without '
'secrets, for admins and services. Errors: SW001, 22004, 22023 (p_limit, p_state).';
revoke all on function syncwell.get_alert_deliveries(integer, text, text) from public;
grant execute on function syncwell.get_alert_deliveries(integer, text, text) to syncwell_reader;
