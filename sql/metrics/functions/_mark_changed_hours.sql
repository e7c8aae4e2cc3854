create or replace function syncwell._mark_changed_hours()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- a heartbeat changes nothing that is counted
  insert into syncwell.sync_metrics_dirty (org_id, stream_id, hour)
  select distinct r.org_id, r.stream_id, date_trunc('hour', r.started_at, 'UTC')
  from (
    select n.org_id, n.stream_id, n.started_at, n.status, n.duration_ms, n.items_processed from new_rows as n
    except all
    select o.org_id, o.stream_id, o.started_at, o.status, o.duration_ms, o.items_processed from old_rows as o
    union all
    (
      select o.org_id, o.stream_id, o.started_at, o.status, o.duration_ms, o.items_processed from old_rows as o
      except all
      select n.org_id, n.stream_id, n.started_at, n.status, n.duration_ms, n.items_processed from new_rows as n
    )
  ) as r;
  return null;
end
$$;
comment on function syncwell._mark_changed_hours() is
'Trigger of sync_events: marks the hours, old and new, of runs that changed in what is counted.';
revoke all on function syncwell._mark_changed_hours() from public;
