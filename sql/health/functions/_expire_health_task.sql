create or replace function syncwell._expire_health_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org record;
  v_streams uuid[];
  v_rows bigint;
  v_expired bigint := 0;
begin
  for v_org in
    select
      o.org_id,
      v_now - syncwell._setting(o.org_id, 'health.history_retention')::interval as history_from,
      v_now - syncwell._setting(o.org_id, 'health.issue_retention')::interval as issues_from,
      v_now - syncwell._setting(o.org_id, 'health.report_retention')::interval as reports_from
    from syncwell.orgs as o
    order by o.org_id
  loop
    delete from syncwell.stream_periods as p where p.org_id = v_org.org_id and p.ends_at < v_org.history_from;
    get diagnostics v_rows = row_count;
    v_expired := v_expired + v_rows;
    delete from syncwell.sync_health_hours as h
    where h.org_id = v_org.org_id and h.hour < v_org.history_from - interval '1 hour';
    get diagnostics v_rows = row_count;
    v_expired := v_expired + v_rows;
    -- a device that is not there any more must not have a backlog for ever
    with gone as (
      delete from syncwell.sync_health as h
      where h.org_id = v_org.org_id and h.received_at < v_org.reports_from
      returning h.stream_id
    )
    select array_agg(distinct g.stream_id), count(*) into v_streams, v_rows from gone as g;
    v_expired := v_expired + v_rows;
    perform syncwell._recount_queue(v_org.org_id, s.stream_id)
    from (select u.stream_id from unnest(v_streams) as u (stream_id) order by 1) as s;
    delete from syncwell.blind_periods as b where b.org_id = v_org.org_id and b.ends_at < v_org.history_from;
    get diagnostics v_rows = row_count;
    v_expired := v_expired + v_rows;
    delete from syncwell.sync_issues as i where i.org_id = v_org.org_id and i.resolved_at < v_org.issues_from;
    get diagnostics v_rows = row_count;
    v_expired := v_expired + v_rows;
    delete from syncwell.silences as s where s.org_id = v_org.org_id and s.ends_at < v_org.issues_from;
    get diagnostics v_rows = row_count;
    v_expired := v_expired + v_rows;
    -- what comes again moves on as long as it is evaluated
    delete from syncwell.maintenance_windows as w
    where w.org_id = v_org.org_id
      and (w.cancelled_at < v_org.issues_from or w.ends_at < v_org.issues_from and w.cron is null);
    get diagnostics v_rows = row_count;
    v_expired := v_expired + v_rows;
  end loop;
  return v_expired;
end
$$;
comment on function syncwell._expire_health_task() is
'Duty of maintenance: drops stretches of states, reports of devices by hour and blind periods past setting '
'health.history_retention, what devices last told past health.report_retention, resolved issues, ended silences and '
'ended or cancelled maintenance windows past setting health.issue_retention. Returns how many rows.';
revoke all on function syncwell._expire_health_task() from public;
