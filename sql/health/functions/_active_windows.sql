create or replace function syncwell._active_windows(
  p_org_id uuid,
  p_now timestamptz
)
returns setof syncwell.maintenance_windows
language sql stable security invoker rows 1
begin atomic
  select
    w.org_id,
    w.id,
    w.mode,
    w.source,
    w.user_id,
    w.platform,
    w.starts_at,
    w.ends_at,
    w.cron,
    w.time_zone,
    w.reason,
    w.created_by,
    w.cancelled_at
  from syncwell.maintenance_windows as w
  where
    w.org_id = p_org_id
    and w.cancelled_at is null
    and w.starts_at <= p_now
    and p_now < w.ends_at;
end;
comment on function syncwell._active_windows(uuid, timestamptz) is
'The maintenance windows of an org that are on at p_now. One fits a stream whose source, user and platform are those '
'it names; what it leaves out fits all.';
revoke all on function syncwell._active_windows(uuid, timestamptz) from public;
