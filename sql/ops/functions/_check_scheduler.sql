create or replace function syncwell._check_scheduler()
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from pg_extension as e where e.extname = 'pg_cron') then
    raise exception using
      errcode = 'SW802',
      message = 'pg_cron is not there',
      detail = format('Database %I has no extension pg_cron.', current_database()),
      hint = 'Install it where cron.database_name says, or run `syncwell maintain` every minute from any scheduler.';
  end if;
  if not has_schema_privilege('cron', 'usage') then
    raise exception using
      errcode = 'SW802',
      message = 'pg_cron may not be used',
      detail = format('%I has no USAGE on schema cron.', current_user),
      hint = format('grant usage on schema cron to %I', current_user);
  end if;
end
$$;
comment on function syncwell._check_scheduler() is
'Refuses (SW802) where the extension pg_cron is not there, or the login may not use it.';
revoke all on function syncwell._check_scheduler() from public;
-- schedule_maintenance() runs with the caller's rights
grant execute on function syncwell._check_scheduler() to syncwell_operator;
