create or replace function syncwell._volume_slots(
  p_from timestamptz,
  p_to timestamptz,
  p_time_zone text
)
returns integer[]
language sql stable security invoker parallel safe
as $$
  select array_agg(
    (extract(isodow from h.at)::integer - 1) * 24 + extract(hour from h.at)::integer order by h.start
  )
  from (
    select g.start, g.start at time zone p_time_zone as at
    from generate_series(p_from, p_to - interval '1 hour', interval '1 hour') as g (start)
  ) as h
$$;
comment on function syncwell._volume_slots(timestamptz, timestamptz, text) is
'The hour of the week, 0 (Monday 0:00) to 167, by the clock of the zone, of each hour from p_from to p_to (not '
'included).';
revoke all on function syncwell._volume_slots(timestamptz, timestamptz, text) from public;
