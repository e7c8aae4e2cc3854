create or replace function syncwell._begins_on_the_hour(
  p_time_zone text,
  p_time timestamptz
)
returns boolean
language sql stable security invoker parallel safe
return (
  select
    bool_and(
      pg_catalog.date_part('minute', t.time at time zone p_time_zone)
      = pg_catalog.date_part('minute', t.time at time zone 'UTC')
    )
  from (
    values (p_time), (p_time - interval '6 months')
  ) as t (time)
);
comment on function syncwell._begins_on_the_hour(text, timestamptz) is
'Whether the days of a time zone begin on a full hour of UTC, in summer and winter; those of India do not.';
revoke all on function syncwell._begins_on_the_hour(text, timestamptz) from public;
