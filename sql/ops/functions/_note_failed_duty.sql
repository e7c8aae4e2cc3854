create or replace function syncwell._note_failed_duty(
  p_run_id uuid,
  p_duty text,
  p_started_at timestamptz,
  p_error_code text,
  p_error text
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error constant text := left(syncwell._scrub_secrets(p_error), 2000);
begin
  update syncwell.maintenance_duties as s
  set
    started_at = p_started_at,
    finished_at = syncwell._now(),
    affected = null,
    error_code = p_error_code,
    error = v_error,
    failures = s.failures + 1
  where s.duty = p_duty;
  if found then
    insert into syncwell.maintenance_runs (id, run_id, duty, started_at, finished_at, error_code, error, done_by)
    values (
      syncwell._uuid7(p_started_at), p_run_id, p_duty, p_started_at, syncwell._now(), p_error_code, v_error, session_user
    );
  end if;
end
$$;
comment on function syncwell._note_failed_duty(uuid, text, timestamptz, text, text) is
'Writes down that a duty failed, and why.';
revoke all on function syncwell._note_failed_duty(uuid, text, timestamptz, text, text) from public;
grant execute on function syncwell._note_failed_duty(uuid, text, timestamptz, text, text) to syncwell_operator;
