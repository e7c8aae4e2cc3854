create or replace function syncwell._do_duty(
  p_run_id uuid,
  p_duty text
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- whoever waits behind a duty that waits for a lock, waits no longer than this
set lock_timeout = '5s'
as $$
declare
  v_started_at constant timestamptz := syncwell._now();
  v_duty record;
  v_affected bigint;
begin
  perform from syncwell.maintenance_duties as s where s.duty = p_duty for no key update skip locked;
  if not found then
    return false;
  end if;
  select d.* into strict v_duty from syncwell._duties() as d where d.duty = p_duty;

  execute format('select syncwell.%I(%s)', v_duty.routine, quote_literal(v_duty.argument)) into v_affected;

  update syncwell.maintenance_duties as s
  set
    started_at = v_started_at,
    finished_at = syncwell._now(),
    succeeded_at = syncwell._now(),
    affected = v_affected,
    error_code = null,
    error = null,
    failures = 0
  where s.duty = p_duty;
  insert into syncwell.maintenance_runs (id, run_id, duty, started_at, finished_at, affected, done_by)
  values (syncwell._uuid7(v_started_at), p_run_id, p_duty, v_started_at, syncwell._now(), v_affected, session_user);
  return true;
end
$$;
comment on function syncwell._do_duty(uuid, text) is
'Does a duty, unless somebody else is at it; returns whether it did. Errors: those of the duty, 55P03 a lock took '
'longer than 5 s.';
revoke all on function syncwell._do_duty(uuid, text) from public;
grant execute on function syncwell._do_duty(uuid, text) to syncwell_operator;
