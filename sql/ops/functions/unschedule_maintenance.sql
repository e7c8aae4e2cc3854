create or replace function syncwell.unschedule_maintenance()
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_jobs bigint;
begin
  perform syncwell._check_scheduler();
  execute
    'select count(cron.unschedule(j.jobid)) from cron.job as j
     where j.jobname in ($1, $2) and j.username = current_user' into v_jobs
  using 'syncwell maintenance', 'syncwell cron history';
  return v_jobs > 0;
end
$$;
comment on function syncwell.unschedule_maintenance() is
'Takes back what schedule_maintenance() scheduled for this login; returns whether there was anything. Errors: SW802.';
revoke all on function syncwell.unschedule_maintenance() from public;
grant execute on function syncwell.unschedule_maintenance() to syncwell_operator;
