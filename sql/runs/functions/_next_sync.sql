create or replace function syncwell._next_sync(
  p_org_id uuid,
  p_cron text,
  p_time_zone text,
  p_expected_interval interval,
  p_after timestamptz
)
returns timestamptz
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_cron is null then
    -- in elapsed time, as health counts it: a day is 24 hours whatever the session's time zone does
    return p_after + make_interval(secs => extract(epoch from p_expected_interval)::double precision);
  end if;
  return syncwell._cron_next(
    p_cron,
    coalesce(p_time_zone, (select o.time_zone from syncwell.orgs as o where o.org_id = p_org_id)),
    p_after
  );
end
$$;
comment on function syncwell._next_sync(uuid, text, text, interval, timestamptz) is
'When the next run is expected: by cron in the given or the org''s time zone, else p_after + p_expected_interval, '
'else NULL.';
revoke all on function syncwell._next_sync(uuid, text, text, interval, timestamptz) from public;
