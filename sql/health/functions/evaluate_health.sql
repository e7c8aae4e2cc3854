create or replace function syncwell.evaluate_health()
returns table (
  org_id uuid,
  streams bigint,
  moved bigint,
  opened bigint,
  reopened bigint,
  resolved bigint,
  blind interval,
  skipped boolean
)
language plpgsql volatile security definer rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  if (syncwell._identity()).org_id is null and pg_has_role(session_user, 'syncwell_operator', 'member') then
    return query select e.* from syncwell._evaluate_orgs() as e;
    return;
  end if;

  v_caller := syncwell._caller();
  if v_caller.role not in ('service', 'admin') then
    raise exception using
      errcode = '42501',
      message = 'evaluating needs a service or an admin',
      detail = format('The caller is a %s.', v_caller.role),
      hint = 'Let a service of the org call it, or an operator for all orgs.';
  end if;
  org_id := v_caller.org_id;
  select e.streams, e.moved, e.opened, e.reopened, e.resolved, e.blind, e.skipped
  into streams, moved, opened, reopened, resolved, blind, skipped
  from syncwell._evaluate_org(org_id) as e;
  return next;
end
$$;
comment on function syncwell.evaluate_health() is
'Moves the states of streams, opens, reopens and resolves issues. Call it every health.evaluation_interval (5 '
'minutes), from as many places as you like: a call at the same moment as another does nothing, one more at the same '
'time changes nothing. A row for each org it looked at: streams: live ones; moved: those whose status is another '
'now; opened, reopened, resolved: issues; blind: how long nothing had evaluated the org, where that was more than '
'two intervals (NULL: not); skipped: somebody else was at it, nothing was done. A status is worse after '
'health.pending_for, better after health.keep_for; from runs.failure_threshold failures on, and to and from unknown, '
'at once. A stream is flapping from health.flap_start percent of changes in its newest observations on, until '
'health.flap_stop: its issues stay open and are muted. An issue opens once what detect_sync_issues() tells has '
'lasted for health.pending_for, stays one row however often it is found, resolves once it is gone for '
'health.keep_for (of a retired stream at once), and is reopened if it comes back within health.reopen_within. More '
'than health.mass_share of the streams stale at once, and at least health.mass_minimum, are one issue mass_staleness '
'that mutes theirs, until fewer than half of that share are. A stale stream that fails or is stuck is told of once, '
'by the worse of the two. A time when nothing evaluated is blind: its streams count as unknown, nothing is late '
'before its grace begins anew, and one issue evaluation_gap tells of it until the next call. A clock that was put '
'back: streams is 0 and nothing is done until it has caught up. An operator evaluates all orgs (one that fails '
'raises a warning and leaves the others be), a service or admin its own. Errors: SW001, 22023 a stored cron that is '
'none, 42501 anybody else, 40001 above read committed when another call came first.';
revoke all on function syncwell.evaluate_health() from public;
grant execute on function syncwell.evaluate_health() to syncwell_operator, syncwell_worker;
