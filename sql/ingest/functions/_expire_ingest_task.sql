create or replace function syncwell._expire_ingest_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org record;
  v_keys bigint;
  v_hours bigint;
  v_total bigint := 0;
begin
  for v_org in
    select
      o.org_id,
      v_now - syncwell._setting(o.org_id, 'ingest.key_retention')::interval as keys_since,
      v_now - syncwell._setting(o.org_id, 'ingest.hour_retention')::interval as hours_since,
      v_now - syncwell._setting(o.org_id, 'ingest.session_retention')::interval as sessions_since
    from syncwell.orgs as o
    order by o.org_id
  loop
    begin
      -- as long as an event could be sent again and taken, it is known
      delete from syncwell.data_event_keys as k
      where k.org_id = v_org.org_id and k.received_at < v_org.keys_since and k.occurred_at < v_org.keys_since;
      get diagnostics v_keys = row_count;
      delete from syncwell.event_hours as h where h.org_id = v_org.org_id and h.hour < v_org.hours_since;
      get diagnostics v_hours = row_count;
      v_total := v_total + v_keys + v_hours + syncwell._expire_sessions(v_org.org_id, v_org.sessions_since);
    exception
      -- somebody holds rows of this org: the others do not wait for that
      when lock_not_available or deadlock_detected then null;
    end;
  end loop;
  return v_total;
end
$$;
comment on function syncwell._expire_ingest_task() is
'Maintenance duty expire_ingest: deletes what is past settings ingest.key_retention, ingest.hour_retention and '
'ingest.session_retention, at most 1000 sessions of an org at once. An org whose rows somebody holds waits '
'for the next time. Returns how many rows.';
revoke all on function syncwell._expire_ingest_task() from public;
