create or replace function syncwell.get_maintenance_windows(
  p_ended boolean default false,
  p_limit integer default 50
)
returns table (
  window_id uuid,
  mode text,
  source text,
  user_id uuid,
  platform text,
  starts_at timestamptz,
  ends_at timestamptz,
  is_on boolean,
  cron text,
  time_zone text,
  reason text,
  created_by uuid,
  cancelled_at timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._check_limit(p_limit);
  return query
  select
    w.id, w.mode, w.source, w.user_id, w.platform, n.starts_at, n.ends_at,
    w.cancelled_at is null and n.starts_at <= v_now and n.ends_at > v_now,
    w.cron, coalesce(w.time_zone, o.time_zone), w.reason, w.created_by, w.cancelled_at
  from syncwell.maintenance_windows as w
  join syncwell.orgs as o on o.org_id = w.org_id
  cross join lateral syncwell._next_window(
    case when w.cancelled_at is null then w.cron end, coalesce(w.time_zone, o.time_zone), w.starts_at, w.ends_at, v_now
  ) as n
  where w.org_id = v_caller.org_id
    and (w.user_id is null or w.user_id = v_caller.user_id or v_caller.sees_org)
    and (p_ended or (w.cancelled_at is null and n.ends_at > v_now))
  order by n.starts_at, w.id
  limit p_limit;
end
$$;
comment on function syncwell.get_maintenance_windows(boolean, integer) is
'Maintenance windows that are on or to come, in the order in which they begin; members see those for all and for '
'themselves. p_ended: those that are over or called off as well; p_limit: default 50, 1 to 1000. mode: see '
'maintenance_window(); source, user_id, platform: which streams, NULL = all; starts_at, ends_at: of one that comes '
'again, the occurrence that is on or next; is_on: whether it holds now; time_zone: by whose clock cron comes again; '
'created_by: who asked for it, NULL = a service. Errors: SW001, 22004, 22023 (p_limit).';
revoke all on function syncwell.get_maintenance_windows(boolean, integer) from public;
grant execute on function syncwell.get_maintenance_windows(boolean, integer) to syncwell_client, syncwell_reader;
