create or replace function syncwell._volume_distance(p_volume double precision)
returns double precision
language sql immutable security invoker parallel safe
as $$
  select 20 * asinh(0.1 * sqrt(greatest(p_volume, 0) + 0.375))
$$;
comment on function syncwell._volume_distance(double precision) is
'A volume on the scale on which differences are judged: (2 / 0.1) asinh(0.1 sqrt(x + 3/8)). There a count that varies '
'by chance and by 10 % besides has a standard deviation of 1, whatever its size: near the square root for small '
'volumes, near the logarithm for large ones.';
revoke all on function syncwell._volume_distance(double precision) from public;
