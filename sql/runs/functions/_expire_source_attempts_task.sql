create or replace function syncwell._expire_source_attempts_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  -- windows are at most 50 minutes
  delete from syncwell.source_attempts as a where a.minute < syncwell._now() - interval '1 hour';
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell._expire_source_attempts_task() is
'Maintenance: deletes the counts by minute that no window reaches any more. Returns how many.';
revoke all on function syncwell._expire_source_attempts_task() from public;
