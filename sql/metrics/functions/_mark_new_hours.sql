create or replace function syncwell._mark_new_hours()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.sync_metrics_dirty (org_id, stream_id, hour)
  select distinct r.org_id, r.stream_id, date_trunc('hour', r.started_at, 'UTC')
  from new_rows as r;
  return null;
end
$$;
comment on function syncwell._mark_new_hours() is
'Trigger of sync_events: marks the hours of runs that were written, in the same transaction.';
revoke all on function syncwell._mark_new_hours() from public;
