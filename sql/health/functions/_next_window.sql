create or replace function syncwell._next_window(
  p_cron text,
  p_time_zone text,
  p_starts_at timestamptz,
  p_ends_at timestamptz,
  p_now timestamptz,
  out starts_at timestamptz,
  out ends_at timestamptz
)
language plpgsql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  -- as seconds: a day of an interval would be one of the session's time zone
  v_duration constant interval := make_interval(secs => extract(epoch from p_ends_at - p_starts_at)::double precision);
begin
  starts_at := p_starts_at;
  ends_at := p_ends_at;
  if p_ends_at <= p_now and p_cron is not null then
    -- the first that ends after now
    starts_at := syncwell._cron_next(p_cron, p_time_zone, greatest(p_now - v_duration, p_starts_at));
    ends_at := starts_at + v_duration;
  end if;
end
$$;
comment on function syncwell._next_window(text, text, timestamptz, timestamptz, timestamptz) is
'The occurrence of a maintenance window that is on at p_now, or else the next: as given where that is not over or it '
'does not come again. A later one begins when p_cron fires by the clock of p_time_zone and lasts as long, in seconds. '
'NULL when there is none any more.';
revoke all on function syncwell._next_window(text, text, timestamptz, timestamptz, timestamptz) from public;
