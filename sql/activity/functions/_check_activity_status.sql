create or replace function syncwell._check_activity_status(p_status text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_status not in (
    'pending', 'in_progress', 'paused', 'completed', 'completed_with_errors', 'failed', 'cancelled', 'timeout'
  ) then
    raise exception using
      errcode = '22023',
      message = 'unknown status',
      detail = format('%L is no status of a sync.', left(p_status, 100)),
      hint = 'Use pending, in_progress, paused, completed, completed_with_errors, failed, cancelled or timeout.';
  end if;
end
$$;
comment on function syncwell._check_activity_status(text) is
'Refuses (22023) what is no status of a sync; NULL passes.';
revoke all on function syncwell._check_activity_status(text) from public;
