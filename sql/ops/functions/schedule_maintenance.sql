create or replace function syncwell.schedule_maintenance(p_every_minutes integer default 1)
returns bigint
-- the job runs as whoever schedules it
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job bigint;
begin
  if p_every_minutes is null or p_every_minutes not between 1 and 59 then
    raise exception using
      errcode = '22023',
      message = 'minutes out of range',
      detail = format('p_every_minutes is %s.', coalesce(p_every_minutes::text, 'NULL')),
      hint = 'Pass 1 to 59; each duty has its own interval, so that once a minute costs little.';
  end if;
  perform syncwell._check_scheduler();

  execute 'select cron.schedule($1, $2, $3)' into v_job
  using
    'syncwell maintenance',
    case p_every_minutes when 1 then '* * * * *' else format('*/%s * * * *', p_every_minutes) end,
    'call syncwell.run_maintenance()';
  -- pg_cron itself never forgets what it ran; the newest run is what ages are told by
  execute 'select cron.schedule($1, $2, $3)'
  using
    'syncwell cron history', '17 3 * * *',
    $job$delete from cron.job_run_details where end_time < (select max(start_time) from cron.job_run_details)
    - interval '14 days'$job$;
  return v_job;
end
$$;
comment on function syncwell.schedule_maintenance(integer) is
'Has the extension pg_cron call run_maintenance() every p_every_minutes minutes (1 to 59, default 1), as whoever calls '
'this, and forget after 14 days what it ran; called again it changes the interval. Returns the number of the job. '
'Without the extension any scheduler that runs `syncwell maintain` does the same. Errors: 22023, SW802 pg_cron is not '
'in this database, or the login may not use it.';
revoke all on function syncwell.schedule_maintenance(integer) from public;
grant execute on function syncwell.schedule_maintenance(integer) to syncwell_operator;
