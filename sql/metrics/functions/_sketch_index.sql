create or replace function syncwell._sketch_index(p_value double precision)
returns integer
language sql immutable security invoker parallel safe
return (pg_catalog.ceil(pg_catalog.ln(p_value) * 32 / 0.6931471805599453::double precision) - 1)::integer;
comment on function syncwell._sketch_index(double precision) is
'The bucket of a positive value: bucket i holds (b^i, b^(i+1)], b = 2^(1/32), as OpenTelemetry''s exponential '
'histogram of scale 5.';
revoke all on function syncwell._sketch_index(double precision) from public;
