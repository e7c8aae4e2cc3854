create or replace function syncwell.get_alerts(
  p_limit integer default 50,
  p_status text default null
)
returns table (
  alert_id uuid,
  issue_id uuid,
  fingerprint text,
  status text,
  severity text,
  user_id uuid,
  labels jsonb,
  annotations jsonb,
  starts_at timestamptz,
  ends_at timestamptz,
  created_at timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
begin
  perform syncwell._check_limit(p_limit);
  if p_status not in ('firing', 'resolved') then
    raise exception using
      errcode = '22023',
      message = 'unknown status of an alert',
      detail = format('p_status is %L.', left(p_status, 100)),
      hint = 'Pass firing or resolved, or leave it out for both.';
  end if;
  return query
  select
    a.id, a.issue_id, a.fingerprint, a.status, a.severity, a.user_id, a.labels, a.annotations, a.starts_at, a.ends_at,
    a.created_at
  from syncwell.alert_outbox as a
  where a.org_id = v_caller.org_id
    and v_caller.sees_org
    and (p_status is null or a.status = p_status)
  order by a.id desc
  limit p_limit;
end
$$;
comment on function syncwell.get_alerts(integer, text) is
'Alerts of the org, the newest first, for analysts, admins and services; others see none. p_limit: default 50, 1 to '
'1000; p_status: firing or resolved, NULL = both. fingerprint: of the issue, the same each time; labels: alertname '
'(the issue type), severity, org, source, stream, platform, user; annotations: summary, description, and flapping '
'where that is what it tells; starts_at: when the issue was opened or reopened; ends_at: when it was resolved. Errors: '
'SW001, 22004, 22023 (p_limit, p_status).';
revoke all on function syncwell.get_alerts(integer, text) from public;
grant execute on function syncwell.get_alerts(integer, text) to syncwell_reader;
