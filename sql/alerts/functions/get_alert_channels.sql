create or replace function syncwell.get_alert_channels()
returns table (
  channel text,
  opened_at timestamptz,
  seen_at timestamptz,
  delivered_at timestamptz,
  failed_at timestamptz,
  last_error_type text,
  last_error text,
  dead_since timestamptz,
  dead_reason text,
  issue_id uuid,
  pending bigint,
  dead bigint,
  oldest_pending_at timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
begin
  return query
  select
    c.channel, c.opened_at, c.seen_at, c.delivered_at, c.failed_at, c.last_error_type,
    case when v_caller.role in ('admin', 'service') then c.last_error end,
    c.dead_since, c.dead_reason, case when c.dead_since is not null then c.issue_id end,
    d.pending, d.dead, d.oldest_pending_at
  from syncwell.alert_channels as c
  cross join lateral (
    select
      count(*) filter (where q.state = 'pending') as pending,
      count(*) filter (where q.state = 'dead') as dead,
      min(q.created_at) filter (where q.state = 'pending') as oldest_pending_at
    from syncwell.alert_deliveries as q
    where q.org_id = c.org_id and q.channel = c.channel
  ) as d
  where c.org_id = v_caller.org_id and v_caller.sees_org
  order by c.dead_since is null, c.channel;
end
$$;
comment on function syncwell.get_alert_channels() is
'The channels by which alerts of the org go out, the dead ones first, for analysts, admins and services; others see '
'none. opened_at: since when; seen_at: when a deliverer last asked for its alerts, to the hour; delivered_at, '
'failed_at: when one last went out, or did not; last_error: without secrets, for admins and services; dead_since, '
'dead_reason (failing, overdue), issue_id: where nothing gets through, NULL when it works; pending, dead: how many '
'alerts wait, and were given up; oldest_pending_at: since when the oldest waits. Errors: SW001.';
revoke all on function syncwell.get_alert_channels() from public;
grant execute on function syncwell.get_alert_channels() to syncwell_reader;
