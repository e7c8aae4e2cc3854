create or replace function syncwell._epoch_time(p_milliseconds numeric)
returns timestamptz
language sql immutable security invoker parallel safe
-- what lies far outside is as wrong as the last moments that there are
return pg_catalog.to_timestamp(
  (greatest(least(p_milliseconds, 253402300799999), -62135596800000) / 1000)::double precision
);
comment on function syncwell._epoch_time(numeric) is
'The time that is p_milliseconds after 1970 began in UTC, fractions to the microsecond; at the ends of the years 1 and '
'9999 for what lies outside them.';
revoke all on function syncwell._epoch_time(numeric) from public;
